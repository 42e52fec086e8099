"""The frames from which windows are cut: held in memory, or read from files for each batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import get_worker_info

from surrogate.datasets.samples.tensors import read_tensor, to_tensor
from surrogate.datasets.storage.stored import BoxReader, is_lazy

Place = tuple[int, int]  # in a sample, at a frame
Stretch = tuple[int, int, int]  # of a sample, from one frame to another


class Frames(ABC):
    """Frames ``(channel, *space)`` of all samples."""

    is_held: bool

    @abstractmethod
    def rows(self, places: Sequence[Place], count: int) -> tuple[Tensor, list[int]]:
        """Return ``(row, channel, *space)``, and for each place the row from which on ``count`` are those there."""


class HeldFrames(Frames):
    """All of them in one tensor ``(sample, frame, channel, *space)``."""

    is_held = True

    def __init__(self, values: Tensor) -> None:
        self._per_sample, self._rows = values.shape[1], values.contiguous().flatten(0, 1)

    def rows(self, places: Sequence[Place], count: int) -> tuple[Tensor, list[int]]:
        """Return all there are."""
        return self._rows, [sample * self._per_sample + first for sample, first in places]


class StoredFrames(Frames):
    """Those asked for, read anew each time: what follows each other in a sample is read at once.

    Parameters
    ----------
    fields, names
        Where they are; what has no samples is held in memory.
    dtype
        What they become.
    timed
        Whether the fields have a time axis; each sample of others is one frame.
    """

    is_held = False

    def __init__(self, fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype, *, timed: bool) -> None:
        self._timed, self._dtype = timed, dtype
        self._sources = [_source(fields[name].variable) for name in names]
        sizes = next(variable.sizes for variable in (fields[name] for name in names) if "sample" in variable.dims)
        self._space = [n for dim, n in sizes.items() if dim not in ("sample", "time")]

    def rows(self, places: Sequence[Place], count: int) -> tuple[Tensor, list[int]]:
        """Read them, in the order of the batch."""
        stretches, starts = _stretches(places if self._timed else [(0, sample) for sample, _ in places], count)
        total = sum(last - begin for _, begin, last in stretches)
        rows = torch.empty((total, len(self._sources), *self._space), dtype=self._dtype)
        for source, channel in zip(self._sources, rows.unbind(1), strict=True):
            if isinstance(source, Tensor):
                self._repeat(source, stretches, channel)
            else:
                self._read(source, stretches, channel)
        return rows, starts

    def _read(self, source: BoxReader, stretches: Sequence[Stretch], out: Tensor) -> None:
        values, end = out.numpy(), 0
        for sample, first, last in stretches:
            box = (sample, slice(first, last)) if self._timed else (slice(first, last),)
            rows = slice(end, end := end + last - first)
            if source.dtype == values.dtype:
                source.read(box, values[rows])
            else:
                read_tensor(source, box, out[rows])

    def _repeat(self, source: Tensor, stretches: Sequence[Stretch], out: Tensor) -> None:
        """Fill with what is the same for all samples."""
        still = (source.expand(last - first, *self._space) for _, first, last in stretches)
        moving = (source[first:last] for _, first, last in stretches)
        out.copy_(torch.cat(list(moving if self._timed else still)))


def frames_of(fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype, *, timed: bool, in_memory: bool) -> Frames:
    """Return frames in memory, or those in files if ``in_memory`` is false and they are fields over space there."""
    variables = [fields[name] for name in names]
    over_space = any(is_lazy(variable) and variable.ndim > 1 and "sample" in variable.dims for variable in variables)
    if not in_memory and over_space:
        return StoredFrames(fields, names, dtype, timed=timed)
    values = to_tensor(fields, names, dtype, share=True)
    return HeldFrames(values if timed else values.unsqueeze(1))


def cut(rows: Tensor, starts: Sequence[int], count: int, *, held: bool) -> Tensor:
    """Return ``count`` rows from each start on ``(start, count * channel, *space)``: a view if they are evenly spaced.

    Workers gather what is held always: of a view they would send the whole memory to the process that trains.
    """
    channels, *space = rows.shape[1:]
    size = rows.stride(0) if rows.numel() else 0
    stretches = rows.view(-1).unfold(0, count * size, size).view(-1, count * channels, *space)
    steps = {later - earlier for earlier, later in pairwise(starts)} or {1}
    if len(steps) > 1 or min(steps) < 0 or (held and get_worker_info() is not None):
        return stretches.index_select(0, torch.tensor(starts))
    view = stretches[starts[0] : starts[-1] + 1 : max(*steps, 1)]
    return view.expand(len(starts), *view.shape[1:])


def _source(variable: xr.Variable) -> BoxReader | Tensor:
    if "sample" in variable.dims:
        return BoxReader(variable)
    return torch.from_numpy(np.require(variable.values, requirements=["C", "W"]))


def _stretches(places: Sequence[Place], count: int) -> tuple[list[Stretch], list[int]]:
    """Return what is to be read one after another, and where in all that each window starts.

    Windows that follow or overlap the one before are read with it.
    """
    stretches: list[Stretch] = []
    starts, before = [], 0
    for number, begin in places:
        last = stretches[-1] if stretches else (-1, 0, 0)
        if last[0] == number and last[1] <= begin <= last[2]:
            stretches[-1] = (number, last[1], max(last[2], begin + count))
        else:
            before += last[2] - last[1]
            stretches.append((number, begin, begin + count))
        starts.append(before + begin - stretches[-1][1])
    return stretches, starts
