"""Frames that are read from files for each batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.samples.tensors import read_tensor
from surrogate.datasets.samples.window_frames import Frames, Place, Span, windows_of
from surrogate.datasets.storage.finite import all_finite, not_held
from surrogate.datasets.storage.stored import BoxReader
from surrogate.datasets.storage.stored_piece import Key, Location

Stretch = tuple[int, int, int]  # of a sample, from one frame to another
Source = BoxReader | np.ndarray


class StoredFrames(Frames):
    """Frames that are read anew for each batch; what follows each other in a sample, at once.

    The first time that they are read, values that are not finite are refused.

    Parameters
    ----------
    fields, names
        Where they are; what has no samples is held in memory.
    dtype
        What they become.
    timed
        Whether the fields have a time axis; of others each sample is one frame.
    """

    def __init__(self, fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype, *, timed: bool) -> None:
        self._fields, self._timed, self._dtype = fields[list(names)], timed, dtype
        self._sources = [_source(self._fields[name].variable) for name in names]
        sizes = next(variable.sizes for variable in self._fields.values() if "sample" in variable.dims)
        self._space = [n for dim, n in sizes.items() if dim not in ("sample", "time")]
        self._frames = sizes["time"] if timed else sizes["sample"]
        self._seen = bytearray(math.prod(sizes[dim] for dim in ("sample", "time") if dim in sizes))

    def windows(self, places: Sequence[Place], length: int, parts: Mapping[str, Span]) -> dict[str, Tensor]:
        """Read them, and cut the parts: see `Frames.windows`."""
        stretches, starts = _stretches(self._along(places), length)
        if 1 < len(stretches) < len(places) and all(count == 1 for _, count in parts.values()):
            return {key: self._apart(places, after) for key, (after, _) in parts.items()}
        rows = self._read(stretches)
        return {key: windows_of(rows, [s + after for s in starts], count) for key, (after, count) in parts.items()}

    def _apart(self, places: Sequence[Place], after: int) -> Tensor:
        """Read one frame of each window: what is gathered from windows of several stretches would be copied again."""
        stretches, starts = _stretches(self._along([(sample, first + after) for sample, first in places]), 1)
        return windows_of(self._read(stretches), starts, 1)

    def _along(self, places: Sequence[Place]) -> Sequence[Place]:
        """Return where the frames are; those without time follow each other as if they were of one sample."""
        return places if self._timed else [(0, sample) for sample, _ in places]

    def _read(self, stretches: Sequence[Stretch]) -> Tensor:
        """Return the frames ``(row, channel, *space)`` of stretches, one after another."""
        total = sum(last - first for _, first, last in stretches)
        rows = torch.empty((total, len(self._sources), *self._space), dtype=self._dtype)
        values, end, waiting = rows.numpy(), 0, []
        for stretch in stretches:
            part = values[end : (end := end + stretch[2] - stretch[1])]
            for channel, source in enumerate(self._sources):
                read = self._reading(source, stretch, part[:, channel], now=len(stretches) > 1)
                if read is not None:
                    waiting.append(read)
        for location, out in waiting:
            location.read(out)
        self._look(stretches, values)
        return rows

    def _reading(
        self, source: Source, stretch: Stretch, out: np.ndarray, *, now: bool
    ) -> tuple[Location, np.ndarray] | None:
        """Fill ``out``, or return what is to fill it when the disk has fetched other parts as well."""
        _, first, last = stretch
        if isinstance(source, np.ndarray):
            out[...] = source[first:last] if self._timed else source
            return None
        box = self._box(stretch)
        location = source.locate(box) if source.dtype == out.dtype else None
        if location is None:
            read_tensor(source, box, torch.from_numpy(out))
        elif not (now and location.read_now(out)):
            return location, out
        return None

    def _box(self, stretch: Stretch) -> Key:
        number, first, last = stretch
        if self._timed:
            return number, slice(first, last)
        return (slice(first, last) if last - first > 1 else first,)

    def _look(self, stretches: Sequence[Stretch], values: np.ndarray) -> None:
        """Raise `InputError` for values that are not finite, if some of the frames are read for the first time."""
        spans = [(number * self._frames + first, last - first) for number, first, last in stretches]
        if all(self._seen.find(0, begin, begin + count) < 0 for begin, count in spans):
            return
        if not all_finite(values):
            self._refuse(stretches, values)
        for begin, count in spans:
            self._seen[begin : begin + count] = bytes([1]) * count

    def _refuse(self, stretches: Sequence[Stretch], values: np.ndarray) -> None:
        """Raise `InputError` for the first field with values that are not finite."""
        end = 0
        for number, first, last in stretches:
            part, frames = values[end : (end := end + last - first)], slice(first, last)
            region = {"sample": slice(number, number + 1), "time": frames} if self._timed else {"sample": frames}
            for channel, (name, field) in enumerate(self._fields.data_vars.items()):
                if not all_finite(part[:, channel]):
                    box = tuple(region.get(str(dim), slice(0, size)) for dim, size in field.sizes.items())
                    raise not_held(str(name), field.variable, box, self._dtype)


def _source(variable: xr.Variable) -> Source:
    return BoxReader(variable) if "sample" in variable.dims else variable.values


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
