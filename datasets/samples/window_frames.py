"""The frames from which windows are cut."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

Place = tuple[int, int]  # in a sample, at a frame
Span = tuple[int, int]  # how many frames after the first, and how many


class Frames(ABC):
    """Frames ``(channel, *space)`` of all samples."""

    @abstractmethod
    def windows(self, places: Sequence[Place], length: int, parts: Mapping[str, Span]) -> dict[str, Tensor]:
        """Return parts of the windows of such a length that begin at the places: ``(place, count * channel, *space)``.

        They are views where that can be.
        """


class HeldFrames(Frames):
    """All of them in one tensor ``(sample, frame, channel, *space)``."""

    def __init__(self, values: Tensor) -> None:
        self._per_sample, self._rows = values.shape[1], values.contiguous().flatten(0, 1)

    def windows(self, places: Sequence[Place], length: int, parts: Mapping[str, Span]) -> dict[str, Tensor]:
        """Cut them from memory.

        Workers copy always: of a view they would send the whole memory to the process that trains.
        """
        starts, copy = [sample * self._per_sample + first for sample, first in places], get_worker_info() is not None
        return {
            key: windows_of(self._rows, [start + after for start in starts], count, copy=copy)
            for key, (after, count) in parts.items()
        }


def windows_of(rows: Tensor, starts: Sequence[int], count: int, *, copy: bool = False) -> Tensor:
    """Return ``count`` rows from each start on ``(start, count * channel, *space)``; a view if evenly spaced."""
    channels, *space = rows.shape[1:]
    size = rows.stride(0) if rows.numel() else 0
    stretches = rows.view(-1).unfold(0, count * size, size).view(-1, count * channels, *space)
    steps = {later - earlier for earlier, later in pairwise(starts)} or {1}
    if copy or len(steps) > 1 or min(steps) < 0:
        return stretches.index_select(0, torch.tensor(starts))
    view = stretches[starts[0] : starts[-1] + 1 : max(*steps, 1)]
    return view.expand(len(starts), *view.shape[1:])
