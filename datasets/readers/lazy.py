"""Arrays in HDF5 files that are read when they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core.indexing import ExplicitIndexer, IndexingSupport, LazilyIndexedArray, explicit_indexing_adapter

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import DIMENSIONS
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.hdf5 import OpenFile

Key = tuple[Any, ...]  # of int, slice, and at most one increasing array


class LazyArray(BackendArray, ABC):
    """An array over ``dims``, in the order of the field convention, that reads parts of itself."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] = ()  # lengths of the pieces that the file stores, if it stores pieces

    def __getitem__(self, key: ExplicitIndexer) -> np.ndarray:
        values = explicit_indexing_adapter(key, self.shape, IndexingSupport.OUTER_1VECTOR, self.read)
        return cast(np.ndarray, values)

    @abstractmethod
    def read(self, key: Key) -> np.ndarray:
        """Read what ``key`` selects, one entry for each dimension."""

    def read_into(self, key: Key, out: np.ndarray) -> None:
        """Fill ``out`` with what ``key`` selects."""
        out[...] = self.read(key)

    def close(self) -> None:
        """Close the files; they open again when they are read."""

    def variable(self, attributes: Mapping[str, Any]) -> xr.Variable:
        """Return the array as a variable of fields."""
        encoding = {"chunksizes": self.chunks, "original_shape": self.shape} if self.chunks else {}
        return xr.Variable(self.dims, LazilyIndexedArray(self), dict(attributes), encoding)


def lazy_dataset(
    arrays: Mapping[str, LazyArray],
    attributes: Mapping[str, Mapping[str, Any]],
    others: Mapping[str, xr.Variable],
    coords: Mapping[str, xr.Variable],
    source: str,
) -> xr.Dataset:
    """Return arrays and other variables as a dataset whose ``close`` closes their files."""
    lazy = {name: array.variable(attributes[name]) for name, array in arrays.items()}
    fields = xr.Dataset({**lazy, **others}, coords, {"source": source})
    fields.set_close(_Closer(tuple(arrays.values())))
    return fields


@dataclass(frozen=True)
class _Closer:
    """Closes arrays; unlike a function inside another it can be pickled."""

    arrays: tuple[LazyArray, ...]

    def __call__(self) -> None:
        for array in self.arrays:
            array.close()


class StoredArray(LazyArray):
    """A dataset, or one component of it.

    Parameters
    ----------
    dataset
        Where the numbers are, from `surrogate.datasets.readers.hdf5.dataset_in`. The array keeps no hold of it: the
        file is opened again when it is first read, and in each process to which the array is sent.
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
        self.file, self.name, self.axes = OpenFile.of(Path(dataset.file.filename)), dataset.name, tuple(axes)
        self.dims = tuple(dim for dim in DIMENSIONS if dim in sizes)
        self.shape = tuple(sizes[dim] for dim in self.dims)
        pieces = dict(zip(axes, dataset.chunks or (), strict=False))
        self.chunks = tuple(pieces[dim] for dim in self.dims if dim in pieces)
        self.dtype = np.dtype(np.float64 if dataset.dtype.kind == "f" and dataset.dtype.itemsize >= 8 else np.float32)

    def read(self, key: Key) -> np.ndarray:
        """Read what ``key`` selects, one entry for each dimension."""
        chosen = dict(zip(self.dims, map(_as_slice, key), strict=True))
        selection = tuple(chosen[axis] if isinstance(axis, str) else axis for axis in self.axes)
        try:
            values = self.file.dataset(self.name)[selection]
        except Exception as error:  # a damaged file makes its parser raise anything
            raise unreadable(f"readable numbers in {self.name.lstrip('/')!r} of", self.file.path, error) from error
        left = [axis for axis in self.axes if isinstance(axis, str) and not _is_number(chosen[axis])]
        order = [left.index(dim) for dim in self.dims if dim in left]
        return np.asarray(values, self.dtype).transpose(order)

    def close(self) -> None:
        """Close the file; it opens again when it is read."""
        self.file.close()


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
                where = f"{part.name.lstrip('/')!r} of {str(part.file.path)!r}"
                wanted = f"{where} like the first, {first.shape} of {first.dtype}"
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
        blocks = [
            self._block(self.parts[owner], key, entries[owners == owner] - self.starts[owner], place)
            for owner in np.unique(owners).tolist()
        ]
        if not blocks:
            lengths = [
                len(range(n)[k]) if isinstance(k, slice) else np.size(k) for n, k in zip(self.shape, key, strict=True)
            ]
            return np.empty([n for n, k in zip(lengths, key, strict=True) if not _is_number(k)], self.dtype)
        values = np.concatenate(blocks, axis=place)
        return values.squeeze(place) if _is_number(key[self.axis]) else values

    def close(self) -> None:
        """Close the files; they open again when they are read."""
        for part in self.parts:
            part.close()

    def _block(self, part: StoredArray, key: Key, local: np.ndarray, place: int) -> np.ndarray:
        before, after = key[: self.axis], key[self.axis + 1 :]
        if self.dim in part.dims:
            return part.read((*before, local, *after))
        return np.expand_dims(part.read((*before, *after)), place)

    def _others(self, part: StoredArray) -> tuple[int, ...]:
        return tuple(size for dim, size in zip(part.dims, part.shape, strict=True) if dim != self.dim)


def _is_number(key: Any) -> bool:
    return isinstance(key, int | np.integer)


def _as_slice(key: Any) -> Any:
    """Return increasing numbers of constant step as a slice, which is quicker, and of which there may be several."""
    if not isinstance(key, np.ndarray) or len(key) == 0 or (len(key) > 2 and np.ptp(np.diff(key))):
        return key
    return slice(int(key[0]), int(key[-1]) + 1, int(key[1] - key[0]) if len(key) > 1 else 1)
