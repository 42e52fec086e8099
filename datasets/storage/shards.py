"""A directory of shards as one dataset: files of ours with the same fields, each with some of the samples."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core.indexing import ExplicitIndexer, IndexingSupport, LazilyIndexedArray, explicit_indexing_adapter

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.netcdf import read_netcdf
from surrogate.datasets.samples.ragged import counts, pointer
from surrogate.datasets.storage.hdf5_array import HDF5Array
from surrogate.datasets.storage.shard_manifest import MANIFEST, Manifest, Shard, read_manifest
from surrogate.datasets.storage.stored_piece import FileState, Key, Location, file_state


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
    files = _files(path, shards)
    first = path / shards[0].name
    template = read_netcdf(first)
    _check_lengths(template, shards[0])
    joined = xr.Dataset(coords={"sample": np.concatenate([np.array(shard.numbers) for shard in shards])})
    for name, variable in template.variables.items():
        if name != "sample":
            whole = _joined(files, str(name), variable, shards)
            joined = joined.assign_coords({name: whole}) if name in template.coords else joined.assign({name: whole})
    return joined.assign_attrs(template.attrs | _summary(manifest))


class ShardedArray(BackendArray):
    """A variable of several files, joined along its first dimension.

    Implements `surrogate.datasets.storage.stored.Locates`. A file is opened when something of it is read, and few of
    them are open at any time.

    Parameters
    ----------
    files
        The files, each with its `surrogate.datasets.storage.stored_piece.file_state`.
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
        self,
        files: Sequence[tuple[str, FileState]],
        name: str,
        lengths: Sequence[int],
        like: xr.Variable,
        shifts: Sequence[int],
    ) -> None:
        self._files, self._name, self._shifts = list(files), name, list(shifts)
        self._edges: list[int] = pointer(np.array(lengths, dtype=np.int64)).tolist()
        self.shape, self.dtype = (self._edges[-1], *like.shape[1:]), like.dtype
        self._arrays: list[HDF5Array | None] = [None] * len(files)
        self._fill = like.attrs.get("_FillValue")

    def __getitem__(self, key: ExplicitIndexer) -> np.ndarray:
        """Return values (called by xarray)."""
        values: np.ndarray = explicit_indexing_adapter(key, self.shape, IndexingSupport.OUTER_1VECTOR, self._read)
        return values

    def read_into(self, key: Key, out: np.ndarray) -> None:
        """Fill ``out`` with the part ``key``: for each axis a number, or a slice with start, stop and step."""
        if not out.size:
            return
        first = key[0]
        rows = range(first.start, first.stop, first.step) if isinstance(first, slice) else range(first, first + 1)
        owner = bisect_right(self._edges, rows.start) - 1
        if rows.stop <= self._edges[owner + 1]:
            self._read_file(owner, self._own(owner, key), out)
            return
        done = 0
        for number in range(owner, bisect_right(self._edges, rows[-1])):
            begin, end = self._edges[number : number + 2]
            own = rows[-((rows.start - begin) // rows.step) if begin > rows.start else 0 :]
            own = own[: len(range(own.start, min(own.stop, end), own.step))]
            part = slice(own.start - begin, own.stop - begin, own.step)
            self._read_file(number, (part, *key[1:]), out[done : done + len(own)])
            done += len(own)

    def locate(self, key: Key, dtype: np.dtype[Any]) -> Location | None:
        """Return where a part lies; None where it is in several files, and where it is not the file's own numbers."""
        first = key[0]
        start, stop = (first.start, first.stop) if isinstance(first, slice) else (first, first + 1)
        owner = bisect_right(self._edges, start) - 1
        if stop > self._edges[owner + 1] or self._shifts[owner]:
            return None
        return self._array(owner).locate(self._own(owner, key), dtype)

    def _own(self, owner: int, key: Key) -> Key:
        """Return a part as one of the file that has all of it."""
        first, begin = key[0], self._edges[owner]
        part = slice(first.start - begin, first.stop - begin, first.step) if isinstance(first, slice) else first - begin
        return (part, *key[1:])

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        """Read what xarray asks for: numbers, slices, and at most one increasing array of numbers."""
        along, others = key[0], key[1:]
        if isinstance(along, np.ndarray):
            parts = [self._read((slice(run[0], run[-1] + 1, 1), *others)) for run in _runs(along)]
            return np.concatenate(parts) if parts else self._read((slice(0, 0, 1), *others))
        chosen = [_spelled_out(part, size) for part, size in zip(key, self.shape, strict=True)]
        lengths = [len(range(part.start, part.stop, part.step)) for part, _ in chosen if isinstance(part, slice)]
        values = np.empty(lengths, self.dtype)
        self.read_into(tuple(part for part, _ in chosen), values)
        taken: np.ndarray = values[tuple(left for part, left in chosen if isinstance(part, slice))]
        return taken

    def _read_file(self, number: int, key: Key, out: np.ndarray) -> None:
        array = self._array(number)
        with self._named(number):
            array.read_into(key, out)
        shift = self._shifts[number]
        if shift:
            out += np.where(out == self._fill, 0, shift).astype(self.dtype)

    def _array(self, number: int) -> HDF5Array:
        """Return the dataset in a file, if it has the shape of the others."""
        array = self._arrays[number]
        if array is None:
            path, state = self._files[number]
            array = HDF5Array(path, self._name, state)
            begin, end = self._edges[number : number + 2]
            with self._named(number):
                shape, wanted = array.shape, (end - begin, *self.shape[1:])
            if shape != wanted:
                raise expected(f"shape {wanted} of {self._name!r} in {path!r}", shape, "Generate the shard again.")
            self._arrays[number] = array
        return array

    @contextmanager
    def _named(self, number: int) -> Iterator[None]:
        """Raise what the parser of a damaged file raises as an `InputError` that names the file."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # it may be anything
            raise unreadable(f"a readable {self._name!r} in", self._files[number][0], error) from error


def _runs(numbers: np.ndarray) -> list[list[int]]:
    """Return increasing numbers as stretches that are read at once."""
    return [part.tolist() for part in np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1) if len(part)]


def _spelled_out(part: Any, size: int) -> tuple[int | slice, Any]:
    """Return what is read along an axis, and what is then taken of it."""
    if isinstance(part, slice):
        return slice(*part.indices(size)), slice(None)
    if isinstance(part, np.ndarray):
        low = int(part.min(initial=size))
        return slice(low, int(part.max(initial=low - 1)) + 1, 1), part - low
    return int(part) % size, None


def _joined(
    files: Sequence[tuple[str, FileState]], name: str, variable: xr.Variable, shards: Sequence[Shard]
) -> xr.Variable:
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
    array = ShardedArray(files, name, [shard.sizes[dim] for shard in shards], raw, shifts)
    return xr.Variable(variable.dims, LazilyIndexedArray(array), raw.attrs)


def _raw(variable: xr.Variable) -> xr.Variable:
    """Return dtype and attributes as they are in the file, where node numbers have a fill value."""
    if "_FillValue" not in variable.encoding or variable.encoding["dtype"] == variable.dtype:
        return variable
    numbers = np.broadcast_to(np.zeros((), variable.encoding["dtype"]), variable.shape)
    return xr.Variable(variable.dims, numbers, variable.attrs | {"_FillValue": variable.encoding["_FillValue"]})


def _files(folder: Path, shards: Sequence[Shard]) -> list[tuple[str, FileState]]:
    """Return the files of the shards; raise `InputError` where one is missing or cut off, without opening any."""
    with os.scandir(folder) as entries:
        found = {entry.name: file_state(entry.path) for entry in entries if entry.is_file()}
    dims = shards[0].sizes.keys()
    for shard in shards:
        if shard.sizes.keys() != dims:
            raise expected(f"the dimensions {sorted(dims)} in {shard.name!r}", sorted(shard.sizes), "Repair it.")
        size = found[shard.name][-1] if shard.name in found else None
        if size != shard.bytes or any(length > size for length in shard.sizes.values()):
            got = "no such file" if size is None else f"{size} bytes"
            what = f"{shard.bytes} bytes in {str(folder / shard.name)!r}"
            raise expected(what, got, "Call `generate` again with the same arguments to repair it.")
    return [(str(folder / shard.name), found[shard.name]) for shard in shards]


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
