"""Variables that lie in files: parts of them, read straight into memory that is already there."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import h5py
import numpy as np
import xarray as xr
from xarray.backends.h5netcdf_ import H5NetCDFArrayWrapper
from xarray.core.indexing import CopyOnWriteArray, LazilyIndexedArray, MemoryCachedArray

from surrogate.datasets.errors import expected

Key = tuple[int | slice, ...]


@runtime_checkable
class ReadsInto(Protocol):
    """A lazy array that can fill memory: what a `BackendArray` offers beside the methods of xarray to be read fast."""

    def read_into(self, key: Key, out: np.ndarray) -> None:
        """Fill ``out`` with the part ``key``: for each axis a number, or a slice with start, stop and step."""


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
        self.is_lazy = is_lazy(variable)
        self._variable = variable
        self._source, self._key = _source(variable) if self.is_lazy else (None, ())

    @property
    def is_direct(self) -> bool:
        """Whether it reads straight from the file."""
        return self._source is not None

    def read(self, box: tuple[slice, ...], out: np.ndarray | None = None) -> np.ndarray:
        """Return the values in a box, in ``out`` if it is given."""
        if self._source is None:
            values: np.ndarray = self._variable[box].values
            if out is None:
                return values
            out[...] = values
            return out
        if out is None:
            shape = [part.stop - part.start for part in box]
            out = np.empty(shape, self._variable.dtype)
        rest = iter(box)
        key = [part if isinstance(part, int) else _within(part, next(rest)) for part in self._key]
        self._fill(key, out)
        return out

    def _fill(self, key: list[Any], out: np.ndarray) -> None:
        """Read; chosen numbers of one axis as stretches that follow each other in the file."""
        assert self._source is not None
        axis = next((i for i, part in enumerate(key) if isinstance(part, np.ndarray)), None)
        if axis is None:
            self._source.read_into(tuple(key), out)
            return
        numbers = key[axis]
        if not len(numbers):
            return
        place = sum(not isinstance(part, int) for part in key[:axis])
        ends = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
        for first, last in pairwise(ends):
            stretch = slice(int(numbers[first]), int(numbers[first]) + last - first, 1)
            part = (*key[:axis], stretch, *key[axis + 1 :])
            self._source.read_into(part, out[(slice(None),) * place + (slice(first, last),)])


class HDF5Array:
    """A dataset in an HDF5 file; implements `ReadsInto`."""

    def __init__(self, path: str, name: str) -> None:
        self._path, self._name = path, name
        self._process, self._dataset = 0, None

    def read_into(self, key: Key, out: np.ndarray) -> None:
        """Fill ``out``; if it is not contiguous, through a copy."""
        whole = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        if out.size:
            dataset = self._opened()
            space = dataset.id.get_space()
            if key:
                parts = [part if isinstance(part, slice) else slice(part, part + 1, 1) for part in key]
                count = tuple(len(range(part.start, part.stop, part.step)) for part in parts)
                space.select_hyperslab(tuple(p.start for p in parts), count, tuple(p.step for p in parts))
            memory = h5py.h5s.create_simple(whole.shape) if whole.shape else h5py.h5s.create(h5py.h5s.SCALAR)
            dataset.id.read(memory, space, whole, h5py.h5t.py_create(whole.dtype))
        if whole is not out:
            out[...] = whole

    def _opened(self) -> h5py.Dataset:
        """Return the dataset, opened by this process: a forked one shares no state of HDF5 with its parent."""
        if self._dataset is None or self._process != os.getpid():
            file = h5py.File(self._path, "r")
            outside = isinstance(file.get(self._name, getlink=True), h5py.ExternalLink)
            found = None if outside else file[self._name]
            if found is None or found.is_virtual or found.external:
                do = "Copy them into one file (h5repack)."
                raise expected(f"the numbers of {self._name!r} in {self._path!r} itself", "a reference to another", do)
            self._dataset, self._process = found, os.getpid()
        return self._dataset

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path, "_name": self._name, "_process": 0, "_dataset": None}


def file_state(path: str | Path) -> tuple[int, ...]:
    """Return what changes when another file takes the place of this one."""
    state = os.stat(path)
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size


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
    if variable.encoding.get("source_state", file_state(path)) != file_state(path):
        return None  # another file has its name now; xarray still holds the old one
    group = array.datastore._group or ""
    return HDF5Array(path, f"{group}/{array.variable_name}")


def _canonical(part: Any, size: int) -> int | slice | np.ndarray | None:
    """Return a part of a key with all its numbers spelled out; None for one that runs backwards."""
    if isinstance(part, slice):
        first, stop, step = part.indices(size)
        return slice(first, stop, step) if step > 0 else None
    if isinstance(part, np.ndarray):
        numbers = np.where(part < 0, part + size, part)
        return numbers if numbers.ndim == 1 else None
    return int(part) % size


def _within(part: slice | np.ndarray, box: slice) -> slice | np.ndarray:
    """Return the part of a part."""
    if isinstance(part, np.ndarray):
        return part[box]
    return slice(part.start + box.start * part.step, part.start + (box.stop - 1) * part.step + 1, part.step)
