"""The two protocols of what training minimizes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.meshes.points import Points
from surrogate.datasets.samples.signature import Signature
from surrogate.training.surrogate import Surrogate

if TYPE_CHECKING:
    from surrogate.training.objectives.weighted_sum import Sum

Frames = Float[Tensor, "rows channel *space"]
PerSample = Float[Tensor, " batch"]
Domain = Grid | Points
Batch = Mapping[str, Any]


@runtime_checkable
class Objective(Protocol):
    """A loss for each sample; `fit` averages over the samples of a batch.

    Fields are ``(batch, channel, *space)`` on a grid; where points differ by sample they are ``(points, channel)``, and
    the domain is the `Points` they lie on. Frames of a stepper follow each other on the channel axis.

    With the attribute ``standardized = True`` it is given fields normalized as the network's output is.
    """

    def __call__(self, prediction: Frames, target: Frames, domain: Domain) -> PerSample:
        """Return one loss per sample. ``domain`` has the resolution of the tensors."""


class Summable:
    """Weighted sums: ``RelativeL2() + 0.1 * StepResidual(solver)`` is a `Sum`."""

    def __add__(self, other: Any) -> Sum:
        from surrogate.training.objectives.weighted_sum import Sum

        return Sum((*Sum.terms_of(self), *Sum.terms_of(other)))

    def __mul__(self, weight: float) -> Sum:
        from surrogate.training.objectives.weighted_sum import Sum

        return Sum(tuple((weight * own, term) for own, term in Sum.terms_of(self)))

    __rmul__ = __mul__


class TrainingObjective(Summable, ABC):
    """An objective that asks the model itself for what it compares: for more frames, from other inputs.

    Its ``repr`` is part of the identity of a training and says everything about it. A function of model, batch, epoch
    and of torch's random numbers, which `fit` seeds for each step, goes on after a stop with the same bits.
    """

    def frames(self, signature: Signature) -> int:
        """Return how many frames of target windows of the data must have, if more than those of one prediction.

        Raises
        ------
        InputError
            Data with which it makes no sense.
        """
        return signature.horizon

    def check(self, model: Surrogate, batch: Batch) -> None:
        """Raise `InputError` where it does not fit the model; called once before training, with one sample."""

    @abstractmethod
    def losses(self, model: Surrogate, batch: Batch, epoch: int | None) -> PerSample:
        """Return one loss per sample.

        Parameters
        ----------
        model
            The surrogate in physical units.
        batch
            ``x``, ``y`` and, where the data have them, ``static``, ``forcing`` and ``parameters``: see
            `surrogate.datasets.Windows`. ``y`` has at least as many frames as asked for.
        epoch
            Of the training, from 0; None on validation data. There the loss must be the same function in all epochs
            and without random numbers, as it chooses the best epoch.
        """
