"""Several steps one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.samples.signature import Signature
from surrogate.operator import Stepper
from surrogate.training.objectives.objective import Batch, TrainingObjective
from surrogate.training.objectives.one_step import Loss, compare
from surrogate.training.objectives.relative_l2 import RelativeL2
from surrogate.training.objectives.unrolling import Unrolling
from surrogate.training.surrogate import Surrogate


@dataclass(frozen=True)
class Unrolled(TrainingObjective):
    r"""The loss of ``steps`` frames that the model makes one after the other, from its own frames.

    From the state :math:`u_0` of the data it makes :math:`\hat u_{k+1} = F(\hat u_k)`, and all frames
    :math:`\hat u_1, \dots, \hat u_n` are compared with the data at once. The gradient passes through all steps, unless
    it is cut: by ``truncate``, or by ``pushforward``, which takes all calls of the model but the last without gradient
    and compares the frames of that one alone. The model then sees states as it makes them itself at the memory of one
    step, but none of the data: ``RelativeL2() + Unrolled(2, pushforward=True)`` is the loss of the paper.

    On validation data all frames of the last horizon are compared, however it is trained.

    Parameters
    ----------
    steps
        Number of steps of ``dt``, as in `surrogate.rollout`; a model of ``horizon=h`` is called once for h of them, and
        of the frames of its last call only those asked for count. A mapping from epochs to steps is a curriculum:
        ``{0: 1, 5: 2, 10: 4}`` trains with 1 step from epoch 0, 2 from epoch 5, 4 from epoch 10.
    objective
        Of all frames, which follow each other on the channel axis.
    pushforward
        Take all calls but the last without gradient.
    truncate
        Cut the gradient after each so many steps: a multiple of the horizon.

    Raises
    ------
    InputError
        Fewer steps than 1, a curriculum that does not begin at epoch 0 or goes back, pushforward with one call, a
        truncation longer than the steps or beside pushforward; before training: a steady map, trajectories too short,
        a truncation that is no multiple of the horizon.

    References
    ----------
    Brandstetter, Worrall & Welling, arXiv 2202.03376 (pushforward); Li et al., arXiv 2305.17560 (curriculum).
    """

    steps: int | Mapping[int, int]
    objective: Loss = field(default=RelativeL2())
    pushforward: bool = field(default=False, kw_only=True)
    truncate: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.steps, Mapping):
            object.__setattr__(self, "steps", dict(sorted(self.steps.items())))
        numbers = list(self._curriculum.values())
        if not numbers or min(numbers) < 1:
            raise expected("steps of at least 1", self.steps, "Give the number of frames to train on.")
        if min(self._curriculum) != 0 or numbers != sorted(numbers):
            do = "Write {0: 1, 5: 2}: 1 step from epoch 0, 2 from epoch 5."
            raise expected("a curriculum from epoch 0 with steps that do not decrease", self.steps, do)
        if self.pushforward and (self._most == 1 or self.truncate is not None):
            got = f"steps={self.steps}, truncate={self.truncate}"
            raise expected("steps above 1 and no `truncate` with pushforward", got, "Take more steps, or leave it out.")
        if self.truncate is not None and not 1 <= self.truncate <= self._most:
            raise expected(f"truncate from 1 to {self._most}, the steps", self.truncate, "Correct `truncate`.")

    def frames(self, signature: Signature) -> int:
        """Return the most steps of the curriculum."""
        if signature.dt is None:
            do = "Use an objective of one prediction, such as RelativeL2()."
            raise expected("data that are stepped in time for Unrolled", "a steady map", do)
        if self.pushforward and self._most <= signature.horizon:
            do = "Take more steps."
            raise expected(f"more steps than the horizon {signature.horizon} with pushforward", self.steps, do)
        if self.truncate is not None and self.truncate % signature.horizon:
            raise expected(f"truncate divisible by the horizon {signature.horizon}", self.truncate, "Round it.")
        return self._most

    def losses(self, model: Surrogate, batch: Batch, epoch: int | None) -> Tensor:
        """Return the loss of the frames that this epoch asks for; all of them on validation data."""
        assert isinstance(model, Stepper)
        steps = self._most if epoch is None else self._at(epoch)
        unrolling, first = Unrolling(model, batch), 0
        if self.pushforward and epoch is not None:
            first = (steps - 1) // model.horizon * model.horizon
            _skip(unrolling, first // model.horizon)
        new = []
        for number in range(first, steps, model.horizon):
            if self.truncate and number and number % self.truncate == 0:
                unrolling.detach()
            new.append(unrolling.step())
        channels = len(model.out_fields)
        prediction = torch.cat(new, dim=1)[:, : (steps - first) * channels]
        target: Tensor = batch["y"][:, first * channels : steps * channels]
        return compare(self.objective, prediction, target, model, batch)

    @property
    def _curriculum(self) -> Mapping[int, int]:
        return {0: self.steps} if isinstance(self.steps, int) else self.steps

    @property
    def _most(self) -> int:
        return max(self._curriculum.values())

    def _at(self, epoch: int) -> int:
        return max(steps for start, steps in self._curriculum.items() if start <= epoch)


def _skip(unrolling: Unrolling, calls: int) -> None:
    """Take steps without gradient."""
    if calls:
        with torch.no_grad():
            for _ in range(calls):
                unrolling.step()
        torch.clear_autocast_cache()  # older torch keeps weights cast without gradient (issue 158232 of pytorch)
