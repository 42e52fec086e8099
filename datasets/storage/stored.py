"""Variables that lie in files: parts of them, read straight into memory that is already there."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from xarray.backends.h5netcdf_ import H5NetCDFArrayWrapper
from xarray.core.indexing import CopyOnWriteArray, LazilyIndexedArray, MemoryCachedArray

from surrogate.datasets.storage.hdf5_array import HDF5Array
from surrogate.datasets.storage.stored_piece import Key, Location, file_state

#: Bytes up to which chosen numbers are read with those between them: one call instead of many.
_COVER = 2**20


@runtime_checkable
class ReadsInto(Protocol):
    """A lazy array that can fill memory: what a `BackendArray` offers beside the methods of xarray to be read fast."""

    def read_into(self, key: Key, out: np.ndarray) -> None:
        """Fill ``out`` with the part ``key``: for each axis a number, or a slice with start, stop and step."""


@runtime_checkable
class Locates(ReadsInto, Protocol):
    """A lazy array that knows where its numbers lie."""

    def locate(self, key: Key, dtype: np.dtype[Any]) -> Location | None:
        """Return where in a file a part lies; None for one that is scattered, or wanted in another type."""


def is_lazy(variable: xr.Variable | xr.DataArray) -> bool:
    """Return whether values of a variable are still to be read, or computed."""
    return not variable._in_memory  # xarray has no public name for it


class BoxReader:
    """Reads boxes of a variable without keeping any: straight from the file where it can, else through xarray.

    It has a file of its own open in each process, so that it can be given to others.

    Parameters
    ----------
    variable
        Lazy, or in memory.
    """

    def __init__(self, variable: xr.Variable) -> None:
        self.is_lazy, self.dtype = is_lazy(variable), variable.dtype
        self._variable = variable
        self._source, self._key = _source(variable) if self.is_lazy else (None, ())
        self._locates = self._source if isinstance(self._source, Locates) else None
        self._axes = [axis for axis, part in enumerate(self._key) if not isinstance(part, int)]
        self._chosen = next((axis for axis in self._axes if isinstance(self._key[axis], np.ndarray)), None)

    @property
    def is_direct(self) -> bool:
        """Whether it reads straight from the file."""
        return self._source is not None

    def read(self, box: Key, out: np.ndarray | None = None) -> np.ndarray:
        """Return the values in a box, in ``out`` if it is given; its last axes may be left out."""
        if self._source is None:
            values: np.ndarray = self._variable[box].values
            if out is None:
                return values
            out[...] = values
            return out
        if out is None:
            shape = [len(range(part.start, part.stop, part.step or 1)) for part in box if isinstance(part, slice)]
            out = np.empty((*shape, *self._variable.shape[len(box) :]), self.dtype)
        key = self._key_of(box)
        if self._chosen is None or not isinstance(key[self._chosen], np.ndarray):
            self._source.read_into(tuple(key), out)
        elif out.size:
            self._gather(key, self._chosen, out)
        return out

    def locate(self, box: Key) -> Location | None:
        """Return where in a file a box lies; None for one that is scattered, or not read straight from the file."""
        if self._locates is None:
            return None
        key = self._key_of(box)
        if self._chosen is not None and not isinstance(key[self._chosen], int):
            return None
        return self._locates.locate(tuple(key), self.dtype)

    def _key_of(self, box: Key) -> list[Any]:
        """Return the part of the source that a box is."""
        key = list(self._key)
        for axis, part in zip(self._axes, box, strict=False):
            key[axis] = _within(key[axis], part)
        return key

    def _gather(self, key: list[Any], axis: int, out: np.ndarray) -> None:
        """Read chosen numbers of one axis with those between them, or as stretches that follow each other."""
        assert self._source is not None
        numbers, place = key[axis], sum(not isinstance(part, int) for part in key[:axis])
        low, high = int(numbers.min()), int(numbers.max()) + 1
        ends = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
        if len(ends) > 2 and out.nbytes // len(numbers) * (high - low) <= _COVER:
            key[axis] = slice(low, high, 1)
            cover = np.empty((*out.shape[:place], high - low, *out.shape[place + 1 :]), out.dtype)
            self._source.read_into(tuple(key), cover)
            np.take(cover, numbers - low, axis=place, out=out)
            return
        for first, last in pairwise(ends):
            key[axis] = slice(int(numbers[first]), int(numbers[first]) + last - first, 1)
            self._source.read_into(tuple(key), out[(slice(None),) * place + (slice(first, last),)])


def _source(variable: xr.Variable) -> tuple[ReadsInto | None, tuple[Any, ...]]:
    """Return what reads a lazy variable fast, and which part of it the variable is; None where nothing does."""
    lazy = variable._data  # xarray has no public name for it; what it is not known to be is read through xarray
    while isinstance(lazy, MemoryCachedArray | CopyOnWriteArray):
        lazy = lazy.array
    if not isinstance(lazy, LazilyIndexedArray):
        return None, ()
    key = tuple(_canonical(part, size) for part, size in zip(lazy.key.tuple, lazy.array.shape, strict=True))
    known = all(part is not None for part in key) and sum(isinstance(part, np.ndarray) for part in key) <= 1
    source = _reader(lazy.array, variable) if known else None
    return source, key


def _reader(array: Any, variable: xr.Variable) -> ReadsInto | None:
    if isinstance(array, ReadsInto):
        return array
    if not isinstance(array, H5NetCDFArrayWrapper) or array.dtype != variable.dtype or array.dtype.kind not in "fiu":
        return None
    path = variable.encoding.get("source")
    if path is None or not os.path.isfile(path):
        return None
    state = file_state(path)
    if variable.encoding.get("source_state", state) != state:
        return None  # another file has its name now; xarray still holds the old one
    group = array.datastore._group or ""
    return HDF5Array(path, f"{group}/{array.variable_name}", state)


def _canonical(part: Any, size: int) -> int | slice | np.ndarray | None:
    """Return a part of a key with all its numbers spelled out; None for one that runs backwards."""
    if isinstance(part, slice):
        first, stop, step = part.indices(size)
        return slice(first, stop, step) if step > 0 else None
    if isinstance(part, np.ndarray):
        numbers = np.where(part < 0, part + size, part)
        return numbers if numbers.ndim == 1 else None
    return int(part) % size


def _within(part: slice | np.ndarray, box: int | slice) -> int | slice | np.ndarray:
    """Return the part of a part."""
    if isinstance(part, np.ndarray):
        return part[box] if isinstance(box, slice) else int(part[box])
    if isinstance(box, int):
        return int(part.start + box * part.step)
    step = box.step or 1
    last = box.start + (box.stop - box.start - 1) // step * step
    return slice(part.start + box.start * part.step, part.start + last * part.step + 1, part.step * step)
