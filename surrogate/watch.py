"""What went wrong in a rollout, and when: noticed on the device, looked at on the host now and then."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from surrogate.operator import Stepper, finite

NOT_FINITE = "is not finite"
NEVER = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class Fault:
    """The first thing that went wrong: at which step, in which sample of the batch, in which channel, in words."""

    step: int
    sample: int
    channel: int
    words: str


class Watch:
    """Notes for each sample and field the first step at which something is wrong, without a synchronization.

    Parameters
    ----------
    stepper
        Says what is wrong (`Stepper.faults`), and where a state leaves its range (`Operator.outside`).
    initial
        The last given frame ``(batch, channel, *space)``.
    faults
        Whether to look for faults.
    """

    def __init__(self, stepper: Stepper, initial: Tensor, *, faults: bool) -> None:
        self._stepper, self._initial, self._faults = stepper, initial, faults
        self._never = torch.full(initial.shape[:2], NEVER, device=initial.device)
        self._first: dict[str, Tensor] = {NOT_FINITE: self._never}
        self._left = self._never

    def see(self, frame: Tensor, step: int, *, kept: bool, enters: bool) -> None:
        """Look at the frame of a step; at all that can be wrong if it is ``kept``, else at whether it is finite.

        A frame from which no step goes on (it never ``enters`` again) may leave the range of the stepper.
        """
        masks = self._stepper.faults(self._initial, frame) if kept and self._faults else {}
        if self._faults and NOT_FINITE not in masks:
            masks[NOT_FINITE] = ~finite(frame)
        for words, mask in masks.items():
            self._first[words] = _earliest(self._first.get(words, self._never), mask, step)
        outside = self._stepper.outside(frame) if kept and enters else None
        if outside is not None:
            self._left = _earliest(self._left, outside, step)

    @property
    def marks(self) -> Int[Tensor, "mark batch channel"]:
        """First step of each fault, and of a state outside the range of the stepper; `NEVER` where there is none."""
        return torch.stack([*self._first.values(), self._left])

    def fault(self, marks: Int[Tensor, "mark batch channel"]) -> Fault | None:
        """Return the first fault in some `marks`, on the host."""
        first = marks[:-1]
        step = int(first.min()) if first.numel() else NEVER
        if step == NEVER:
            return None
        kind, sample, channel = (int(index) for index in (first == step).nonzero()[0])
        return Fault(step, sample, channel, list(self._first)[kind])


def _earliest(before: Tensor, mask: Tensor, step: int) -> Tensor:
    return torch.where(mask & (before == NEVER), step, before)
