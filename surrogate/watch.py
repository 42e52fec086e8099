"""What went wrong in a rollout, and when: noticed on the device, looked at on the host now and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from surrogate.operator import Stepper, finite

NOT_FINITE = "is not finite"
NEVER = torch.iinfo(torch.int64).max

Marks = Int[Tensor, "mark batch channel"]


@dataclass(frozen=True)
class Fault:
    """The first thing that went wrong: at which step, in which sample of the batch, in which channel, in words."""

    step: int
    sample: int
    channel: int
    words: str


class Watch:
    """Notes for each sample and field the first step at which something is wrong, without waiting for the device.

    Parameters
    ----------
    stepper
        Says what is wrong (`Stepper.faults`), and where a state leaves its range (`Operator.outside`).
    initial
        The last given frame ``(batch, channel, *space)``.
    faults
        Whether to look for faults.
    last_call
        Steps done when the stepper is called last: later frames may leave its range, for no step goes on from them.
    """

    def __init__(self, stepper: Stepper, initial: Tensor, *, faults: bool, last_call: int) -> None:
        self._stepper, self._initial, self._faults, self._last_call = stepper, initial, faults, last_call
        self._never = torch.full(initial.shape[:2], NEVER, device=initial.device)
        self._first: dict[str, Tensor] = {NOT_FINITE: self._never}
        self._left = self._never
        self._passed: dict[int, Tensor] = {}

    def passes(self, frame: Float[Tensor, "batch channel *space"], step: int) -> None:
        """See a frame that is not kept."""
        if self._faults:
            self._passed[step] = finite(frame)

    def look(self, frames: Float[Tensor, "frame batch channel *space"], steps: Sequence[int]) -> Marks:
        """Look at the frames that are kept, and at those that passed since the last look.

        Returns the first step of each fault so far, and that of a state outside the range of the stepper; `NEVER` where
        there is none.
        """
        if self._passed:
            self._note(NOT_FINITE, ~torch.stack([*self._passed.values()]), [*self._passed])
            self._passed.clear()
        if steps and self._faults:
            initial = self._initial.expand_as(frames).flatten(0, 1)
            masks = self._stepper.faults(initial, frames.flatten(0, 1))
            if NOT_FINITE not in masks:
                masks = {NOT_FINITE: ~finite(frames.flatten(0, 1)), **masks}
            for words, mask in masks.items():
                self._note(words, mask.reshape(-1, *self._never.shape), steps)
        outside = self._stepper.outside(frames.flatten(0, 1)) if steps else None
        if outside is not None:
            entering = [step if step <= self._last_call else NEVER for step in steps]
            self._left = torch.minimum(self._left, _first(outside.reshape(-1, *self._never.shape), entering))
        return torch.stack([*self._first.values(), self._left])

    def fault(self, marks: Marks) -> Fault | None:
        """Return the first fault in what `look` returned, brought to the host."""
        first = marks[:-1]
        step = int(first.min())
        if step == NEVER:
            return None
        kind, sample, channel = (int(index) for index in (first == step).nonzero()[0])
        return Fault(step, sample, channel, list(self._first)[kind])

    def _note(self, words: str, masks: Bool[Tensor, "frame batch channel"], steps: Sequence[int]) -> None:
        self._first[words] = torch.minimum(self._first.get(words, self._never), _first(masks, steps))


def _first(masks: Bool[Tensor, "frame batch channel"], steps: Sequence[int]) -> Int[Tensor, "batch channel"]:
    """Return the first of the steps at which a mask is set."""
    numbers = torch.tensor(steps, pin_memory=masks.is_cuda).to(masks.device, non_blocking=True)
    return torch.where(masks, numbers[:, None, None], NEVER).amin(0)
