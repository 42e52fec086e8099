"""A directory of shards as one dataset: files of ours with the same fields, each with some of the samples."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray, CachingFileManager
from xarray.core import indexing

from surrogate.datasets.errors import expected
from surrogate.datasets.ragged import counts
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.shard_manifest import MANIFEST, Manifest, Shard, read_manifest
from surrogate.datasets.store import read_store

_READING = threading.Lock()  # HDF5 reads one at a time in any case; this keeps others from closing the file meanwhile


def is_shards(path: Path) -> bool:
    """Return whether ``path`` is a directory of shards."""
    return (path / MANIFEST).is_file()


def read_shards(path: Path) -> xr.Dataset:
    """Open a directory of shards lazily, as one dataset: its manifest and its first shard are read, no other file.

    Samples that failed, or are not made yet, are left out; the coordinate ``sample`` keeps the numbers of the others.
    The attributes ``failed_samples``, ``missing_samples`` and ``generation_seconds`` tell how many there are of these,
    and how long all took to make.

    Raises
    ------
    InputError
        The manifest is damaged, there is no complete shard, or one is missing, cut off, or has other fields.
    """
    manifest = read_manifest(path)
    shards = [shard for shard in manifest.shards if shard.sizes["sample"]]
    if not shards:
        raise expected(f"a complete shard in {str(path)!r}", "none", "Call `generate` again to go on with it.")
    _check_sizes(path, shards)
    first = path / shards[0].name
    try:
        template = read_store(first)
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("a readable shard at", first, error) from error
    _check_lengths(template, shards[0])
    joined = xr.Dataset(coords={"sample": np.concatenate([np.array(shard.numbers) for shard in shards])})
    for name, variable in template.variables.items():
        if name != "sample":
            whole = _joined(path, str(name), variable, shards)
            joined = joined.assign_coords({name: whole}) if name in template.coords else joined.assign({name: whole})
    return joined.assign_attrs(template.attrs | _summary(manifest))


class JoinedArray(BackendArray):
    """A variable of several files, joined along its first dimension; a file is opened when something of it is read.

    Parameters
    ----------
    paths
        The files.
    name
        The variable.
    lengths
        Of its first dimension in each file.
    like
        The variable of the first file.
    shifts
        What is added to the values of each file: node numbers count on.
    """

    def __init__(
        self, paths: Sequence[Path], name: str, lengths: Sequence[int], like: xr.Variable, shifts: Sequence[int]
    ) -> None:
        self._files = [CachingFileManager(h5py.File, str(path), mode="r") for path in paths]
        self._paths, self._name, self._shifts = list(paths), name, list(shifts)
        self._ends = np.cumsum(np.array(lengths, dtype=np.int64))
        self._rest = like.shape[1:]
        self.shape, self.dtype = (int(self._ends[-1]), *self._rest), like.dtype
        self._fill = like.attrs.get("_FillValue")

    def __getitem__(self, key: Any) -> Any:
        """Return values, read when asked for (called by xarray)."""
        support = indexing.IndexingSupport.OUTER_1VECTOR
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        along, others = key[0], key[1:]
        if isinstance(along, slice):
            wanted = range(*along.indices(self.shape[0]))
            return self._slices(wanted, others)
        if isinstance(along, int | np.integer):
            first: np.ndarray = self._slices(range(int(along), int(along) + 1), others)[0]
            return first
        rows = np.asarray(along) % self.shape[0]
        starts = np.flatnonzero(np.diff(rows, prepend=rows[:1] - 2) != 1)  # a run of neighbors is read at once
        runs = [range(int(part[0]), int(part[-1]) + 1) for part in np.split(rows, starts[1:]) if len(part)]
        parts = [self._slices(run, others) for run in runs]
        return np.concatenate(parts) if parts else self._slices(range(0), others)

    def _slices(self, rows: range, others: tuple[Any, ...]) -> np.ndarray:
        """Return rows at equal distances, from all files that have some of them."""
        if not len(rows):
            return np.empty((0, *self._rest), self.dtype)[(slice(None), *others)]
        first, last = (int(np.searchsorted(self._ends, row, side="right")) for row in (rows[0], rows[-1]))
        parts = [self._of_file(number, rows, others) for number in range(first, last + 1)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _of_file(self, number: int, rows: range, others: tuple[Any, ...]) -> np.ndarray:
        end = int(self._ends[number])
        begin = int(self._ends[number - 1]) if number else 0
        low = max(0, -((rows.start - begin) // rows.step))
        high = max(0, -((rows.start - end) // rows.step))
        own = rows[low:high]
        part = slice(own.start - begin, own.stop - begin, own.step)
        values = self._of_dataset(number, end - begin, (part, *others))
        if not self._shifts[number]:
            return values
        return np.where(values == self._fill, values, values + self.dtype.type(self._shifts[number]))

    def _of_dataset(self, number: int, length: int, key: tuple[Any, ...]) -> np.ndarray:
        path = self._paths[number]
        try:
            with _READING, self._files[number].acquire_context() as file:
                dataset = file[self._name]
                if (dataset.shape, dataset.dtype) == ((length, *self._rest), self.dtype):
                    return np.asarray(dataset[key])
                got = f"{dataset.shape} of {dataset.dtype}"
        except Exception as error:  # a damaged file makes its parser raise anything
            raise unreadable(f"a readable {self._name!r} in", path, error) from error
        what = f"{self._name!r} of shape {(length, *self._rest)} and {self.dtype} in {str(path)!r}"
        raise expected(what, got, "Generate the shard again.")


def _joined(folder: Path, name: str, variable: xr.Variable, shards: Sequence[Shard]) -> xr.Variable:
    """Return a variable of all shards; one that does not differ by sample is that of the first."""
    lengths = shards[0].sizes
    if not lengths.keys() & set(variable.dims):
        return variable
    dim = str(variable.dims[0])
    raw = _raw(variable)
    if dim not in lengths or lengths.keys() & set(variable.dims[1:]) or raw.dtype.kind not in "iuf":
        got = f"{variable.dims} of {raw.dtype}"
        raise expected(f"numbers in {name!r}, joined along its first dimension", got, "Generate the data again.")
    numbers_nodes = "start_index" in variable.attrs and "node" in lengths
    nodes = [shard.sizes["node"] for shard in shards] if numbers_nodes else [0] * len(shards)
    shifts = [0, *np.cumsum(nodes)[:-1].tolist()]
    paths = [folder / shard.name for shard in shards]
    array = JoinedArray(paths, name, [shard.sizes[dim] for shard in shards], raw, shifts)
    return xr.Variable(variable.dims, indexing.LazilyIndexedArray(array), raw.attrs)


def _raw(variable: xr.Variable) -> xr.Variable:
    """Return dtype and attributes as they are in the file, where node numbers have a fill value."""
    if "_FillValue" not in variable.encoding or variable.encoding["dtype"] == variable.dtype:
        return variable
    numbers = np.broadcast_to(np.zeros((), variable.encoding["dtype"]), variable.shape)
    return xr.Variable(variable.dims, numbers, variable.attrs | {"_FillValue": variable.encoding["_FillValue"]})


def _check_sizes(folder: Path, shards: Sequence[Shard]) -> None:
    """Raise `InputError` where a file is missing or cut off, without opening any."""
    with os.scandir(folder) as entries:
        found = {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
    for shard in shards:
        if found.get(shard.name) != shard.bytes or any(size > shard.bytes for size in shard.sizes.values()):
            got = f"{found[shard.name]} bytes" if shard.name in found else "no such file"
            what = f"{shard.bytes} bytes in {str(folder / shard.name)!r}"
            raise expected(what, got, "Call `generate` again with the same arguments to repair it.")


def _check_lengths(template: xr.Dataset, shard: Shard) -> None:
    joined = {"sample", *counts(template)}
    lengths = {dim: template.sizes.get(dim) for dim in joined}
    if lengths != dict(shard.sizes):
        raise expected(f"{dict(shard.sizes)} in {shard.name!r}", lengths, "Generate the shard again.")


def _summary(manifest: Manifest) -> dict[str, float | int]:
    seconds = round(sum(shard.seconds for shard in manifest.shards), 3)
    done = sum(shard.samples for shard in manifest.shards)
    return {
        "failed_samples": len(manifest.failed),
        "missing_samples": manifest.samples - done,
        "generation_seconds": seconds,
    }
