"""Arrays in HDF5 files that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core.indexing import ExplicitIndexer, IndexingSupport, LazilyIndexedArray, explicit_indexing_adapter

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import DIMENSIONS
from surrogate.datasets.readers.hdf5 import opened

Key = tuple[Any, ...]  # of int, slice, and at most one increasing array


class LazyArray(BackendArray):
    """An array over ``dims``, in the order of the field convention, that reads parts of itself."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...] = ()  # of the pieces that the file stores; empty where it is one
    dtype: np.dtype[Any]

    def __getitem__(self, key: ExplicitIndexer) -> np.ndarray:
        values = explicit_indexing_adapter(key, self.shape, IndexingSupport.OUTER_1VECTOR, self.read)
        return cast(np.ndarray, values)

    def read(self, key: Key) -> np.ndarray:
        """Read what ``key`` selects, one entry for each dimension."""
        raise NotImplementedError

    def read_into(self, key: Key, out: np.ndarray) -> None:
        """Fill ``out`` with what ``key`` selects."""
        out[...] = self.read(key)

    def variable(self, attributes: Mapping[str, Any]) -> xr.Variable:
        """Return the array as a variable of fields."""
        encoding = {"chunksizes": self.chunks, "original_shape": self.shape} if self.chunks else {}
        return xr.Variable(self.dims, LazilyIndexedArray(self), dict(attributes), encoding)


class StoredArray(LazyArray):
    """A dataset, or one component of it.

    Parameters
    ----------
    dataset
        Where the numbers are, from `surrogate.datasets.readers.hdf5.dataset_in`. The file is opened again for each
        reading, so that the array can be pickled, and no file stays open.
    axes
        For each axis of the dataset the dimension that it is, or the one index that is taken of it.

    Raises
    ------
    InputError
        Another number of axes, or no such index.
    """

    def __init__(self, dataset: h5py.Dataset, axes: Sequence[str | int]) -> None:
        where = f"{dataset.name.lstrip('/')!r} of {dataset.file.filename!r}"
        if len(axes) != dataset.ndim:
            wanted = ", ".join(axis if isinstance(axis, str) else "component" for axis in axes)
            raise expected(f"{where} over ({wanted})", f"shape {dataset.shape}", "Correct the file.")
        sizes = dict(zip(axes, dataset.shape, strict=True))
        if any(isinstance(axis, int) and axis >= size for axis, size in sizes.items()):
            raise expected(
                f"component {max(a for a in axes if isinstance(a, int))} in {where}", dataset.shape, "Add it."
            )
        self.path, self.name, self.axes = Path(dataset.file.filename), dataset.name, tuple(axes)
        self.dims = tuple(dim for dim in DIMENSIONS if dim in sizes)
        self.shape = tuple(sizes[dim] for dim in self.dims)
        pieces = dict(zip(axes, dataset.chunks or (), strict=False))
        self.chunks = tuple(pieces[dim] for dim in self.dims if dim in pieces)
        self.dtype = np.dtype(np.float64 if dataset.dtype.kind == "f" and dataset.dtype.itemsize >= 8 else np.float32)

    def read(self, key: Key) -> np.ndarray:
        """Read what ``key`` selects, one entry for each dimension."""
        with opened(self.path) as file:
            return self.read_from(file, key)

    def read_from(self, file: h5py.File, key: Key) -> np.ndarray:
        """Read from the file, which the caller has opened."""
        chosen = dict(zip(self.dims, map(_as_slice, key), strict=True))
        values = file[self.name][tuple(chosen[axis] if isinstance(axis, str) else axis for axis in self.axes)]
        left = [axis for axis in self.axes if isinstance(axis, str) and not _is_number(chosen[axis])]
        order = [left.index(dim) for dim in self.dims if dim in left]
        return np.asarray(values, self.dtype).transpose(order)


class JoinedArray(LazyArray):
    """Arrays one behind the other along ``dim``, or each an entry of it where they do not have it.

    Raises
    ------
    InputError
        The arrays differ in dimensions, in lengths of the others, or in type.
    """

    def __init__(self, parts: Sequence[StoredArray], dim: str) -> None:
        first = parts[0]
        self.parts, self.dim = tuple(parts), dim
        self.dims = tuple(name for name in DIMENSIONS if name in (*first.dims, dim))
        self.axis = self.dims.index(dim)
        others = self._others(first)
        for part in parts:
            if (part.dims, part.dtype, self._others(part)) != (first.dims, first.dtype, others):
                wanted = (
                    f"{part.name.lstrip('/')!r} of {str(part.path)!r} like the first, {first.shape} of {first.dtype}"
                )
                raise expected(wanted, f"{part.shape} of {part.dtype}", "Open them one by one.")
        lengths = [part.shape[self.axis] if dim in part.dims else 1 for part in parts]
        self.starts = np.concatenate([[0], np.cumsum(lengths)])
        self.shape = (*others[: self.axis], int(self.starts[-1]), *others[self.axis :])
        alone = first.chunks and dim not in first.dims
        self.chunks = (*first.chunks[: self.axis], 1, *first.chunks[self.axis :]) if alone else first.chunks
        self.dtype = first.dtype

    def read(self, key: Key) -> np.ndarray:
        """Read what ``key`` selects, one entry for each dimension."""
        place = self.axis - sum(map(_is_number, key[: self.axis]))
        entries = np.atleast_1d(np.arange(self.shape[self.axis])[key[self.axis]])
        owners = np.searchsorted(self.starts, entries, side="right") - 1
        blocks = []
        for path, group in groupby(np.unique(owners).tolist(), lambda owner: self.parts[owner].path):
            with opened(path) as file:
                for owner in group:
                    local = entries[owners == owner] - self.starts[owner]
                    blocks.append(self._block(self.parts[owner], file, key, local, place))
        if not blocks:
            return np.empty(
                [
                    len(range(n)[k]) if isinstance(k, slice) else len(k)
                    for n, k in zip(self.shape, key, strict=True)
                    if not _is_number(k)
                ],
                self.dtype,
            )
        values = np.concatenate(blocks, axis=place)
        return values.squeeze(place) if _is_number(key[self.axis]) else values

    def _block(self, part: StoredArray, file: h5py.File, key: Key, local: np.ndarray, place: int) -> np.ndarray:
        before, after = key[: self.axis], key[self.axis + 1 :]
        if self.dim in part.dims:
            return part.read_from(file, (*before, local, *after))
        return np.expand_dims(part.read_from(file, (*before, *after)), place)

    def _others(self, part: StoredArray) -> tuple[int, ...]:
        return tuple(size for dim, size in zip(part.dims, part.shape, strict=True) if dim != self.dim)


def _is_number(key: Any) -> bool:
    return isinstance(key, int | np.integer)


def _as_slice(key: Any) -> Any:
    """Return increasing numbers of constant step as a slice, which is quicker, and of which there may be several."""
    if not isinstance(key, np.ndarray) or len(key) == 0 or (len(key) > 2 and np.ptp(np.diff(key))):
        return key
    return slice(int(key[0]), int(key[-1]) + 1, int(key[1] - key[0]) if len(key) > 1 else 1)
