"""Variables that lie in files: parts of them, read straight into memory that is already there."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import h5py
import numpy as np
import xarray as xr
from xarray.backends.h5netcdf_ import H5NetCDFArrayWrapper
from xarray.core.indexing import CopyOnWriteArray, LazilyIndexedArray, MemoryCachedArray

from surrogate.datasets.errors import expected
from surrogate.datasets.storage.stored_piece import Key, StoredPiece, file_state, remember

#: Bytes up to which chosen numbers are read with those between them: one call instead of many.
_COVER = 2**20


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
        self.is_lazy, self.dtype = is_lazy(variable), variable.dtype
        self._variable = variable
        self._source, self._key = _source(variable) if self.is_lazy else (None, ())
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
        key = list(self._key)
        for axis, part in zip(self._axes, box, strict=False):
            key[axis] = _within(key[axis], part)
        if self._chosen is None or not isinstance(key[self._chosen], np.ndarray):
            self._source.read_into(tuple(key), out)
        elif out.size:
            self._gather(key, self._chosen, out)
        return out

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


class HDF5Array:
    """A dataset in an HDF5 file; implements `ReadsInto`.

    The file is open while this exists, or until many others have been opened; where the dataset lies in one piece, not
    by HDF5.
    """

    def __init__(self, path: str, name: str) -> None:
        self._path, self._name = path, name
        self._piece: StoredPiece | None = None
        self._dataset: h5py.Dataset | None = None
        self._process: int | None = None

    def read_into(self, key: Key, out: np.ndarray) -> None:
        """Fill ``out``; if it is not contiguous, through a copy."""
        if not out.size:
            return
        whole = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        if self._piece is None:
            self._piece = StoredPiece.of(self._path, self._opened())
        begin = self._piece.begin(key, whole.dtype)
        if begin is None:
            self._select(key, whole)
        else:
            self._dataset = None  # HDF5 has told all there is to know
            self._piece.read(begin, whole)
        if whole is not out:
            out[...] = whole

    def close(self) -> None:
        """Close the file; it is opened again when something is read."""
        self._dataset = None

    def _select(self, key: Key, out: np.ndarray) -> None:
        dataset = self._opened()
        space = dataset.id.get_space()
        if key:
            parts = [part if isinstance(part, slice) else slice(part, part + 1, 1) for part in key]
            count = tuple((part.stop - part.start - 1) // part.step + 1 for part in parts)
            space.select_hyperslab(tuple(p.start for p in parts), count, tuple(p.step for p in parts))
        memory = h5py.h5s.create_simple(out.shape) if out.shape else h5py.h5s.create(h5py.h5s.SCALAR)
        dataset.id.read(memory, space, out, h5py.h5t.py_create(out.dtype))

    def _opened(self) -> h5py.Dataset:
        """Return the dataset, opened by this process: a forked one shares no state of HDF5 with its parent."""
        dataset = self._dataset
        if dataset is None or self._process != os.getpid():
            dataset = self._found(h5py.File(self._path, "r"))
            self._dataset, self._process = dataset, os.getpid()
            remember(self)
        return dataset

    def _found(self, file: h5py.File) -> h5py.Dataset:
        """Return the dataset, if its numbers are in this file."""
        outside = isinstance(file.get(self._name, getlink=True), h5py.ExternalLink)
        found = None if outside else file[self._name]
        if found is None or found.is_virtual or found.external:
            do = "Copy them into one file (h5repack)."
            raise expected(f"the numbers of {self._name!r} in {self._path!r} itself", "a reference to another", do)
        return found

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_dataset": None}


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


def _within(part: slice | np.ndarray, box: int | slice) -> int | slice | np.ndarray:
    """Return the part of a part."""
    if isinstance(part, np.ndarray):
        return part[box] if isinstance(box, slice) else int(part[box])
    if isinstance(box, int):
        return int(part.start + box * part.step)
    step = box.step or 1
    last = box.start + (box.stop - box.start - 1) // step * step
    return slice(part.start + box.start * part.step, part.start + last * part.step + 1, part.step * step)
