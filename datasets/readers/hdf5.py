"""What is in an HDF5 file of others, looked at with care."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import h5py
import numpy as np

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.readers.damage import MOST_COMPRESSED, unreadable
from surrogate.datasets.readers.hdf5_structure import require_sound

#: How many datasets of an open file are kept open.
_REMEMBERED = 256


def looks_like(path: Path, layout: Callable[[h5py.File], bool]) -> bool:
    """Return whether a file is HDF5 of this layout; damaged files are of none."""
    try:
        require_sound(path)
        with h5py.File(path) as file:
            return layout(file)
    except (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError):  # as h5py raises them
        return False


def own_group(file: h5py.File, name: str | None) -> h5py.Group | None:
    """Return a group that lies in the file itself, or None."""
    if name is None or not isinstance(file.get(name, getlink=True), h5py.HardLink):
        return None
    found = file[name]
    return found if isinstance(found, h5py.Group) else None


class OpenFile:
    """A file that stays open for reading as long as an array needs it, in each process anew.

    `of` gives all arrays of a file the same one; it can be pickled, and closed, after which it opens again when needed.
    """

    _all: ClassVar[WeakValueDictionary[tuple[Any, ...], OpenFile]] = WeakValueDictionary()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: h5py.File | None = None
        self._datasets: dict[str, h5py.Dataset] = {}  # what is read again and again is not looked up again
        self._process = 0

    @classmethod
    def of(cls, path: Path) -> OpenFile:
        """Return the one for what is at a path now: a file that took its place is another."""
        state = os.stat(path)
        key = (str(path), state.st_ino, state.st_mtime_ns, state.st_size)
        found = cls._all.get(key)
        if found is None:
            found = cls._all[key] = cls(path)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenFile.of, (self.path,)

    def dataset(self, name: str) -> h5py.Dataset:
        """Return a dataset, ready to be read."""
        if self._file is None or self._process != os.getpid():  # a forked process shares no state of HDF5
            self._file, self._datasets, self._process = h5py.File(self.path), {}, os.getpid()
        if name not in self._datasets:
            if len(self._datasets) >= _REMEMBERED:
                self._datasets.clear()
            self._datasets[name] = self._file[name]
        return self._datasets[name]

    def close(self) -> None:
        """Close the file until it is read again."""
        if self._file is not None and self._process == os.getpid():
            self._file.close()
        self._file, self._datasets = None, {}


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Give a file for reading; whatever its parser raises becomes an `InputError` that names it."""
    try:
        require_sound(path)
        with h5py.File(path) as file:
            yield file
    except InputError:
        raise
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("a readable HDF5 file at", path, error) from error


def dataset_in(parent: h5py.Group, name: str) -> h5py.Dataset:
    """Return a dataset of real numbers that lies in the file itself and was written.

    Raises
    ------
    InputError
        There is none, it is of something else, empty, in another file, or most of it was never written.
    """
    where = f"{_join(parent, name)!r} of {parent.file.filename!r}"
    steps = name.strip("/").split("/")
    links = (parent.get("/".join(steps[: step + 1]), getlink=True) for step in range(len(steps)))
    elsewhere = any(isinstance(link, h5py.ExternalLink) for link in links)
    found = None if elsewhere else parent.get(name)
    if not isinstance(found, h5py.Dataset):
        got = "a link to another file" if elsewhere else "none" if found is None else "a group"
        raise expected(f"a dataset {where}", got, "Choose another `format`, or copy the file again.")
    if found.file.filename != parent.file.filename or found.is_virtual or found.external:
        raise expected(f"the numbers of {where} in this file", "a reference to another", "Copy them into one file.")
    if found.dtype.kind not in "fiub":
        raise expected(f"real numbers in {where}", found.dtype, "Store numbers.")
    if found.shape is None or 0 in found.shape:
        raise expected(f"an array that is not empty in {where}", f"shape {found.shape}", "Make the file again.")
    require_written(found)
    return found


def require_written(dataset: h5py.Dataset) -> None:
    """Raise `InputError` unless the file can hold all numbers of a dataset: one may claim any size.

    Raises
    ------
    InputError
        Most of the numbers were never written, or the file was cut.
    """
    filtered = dataset.compression is not None or dataset.id.get_create_plist().get_nfilters() > 0
    stored = dataset.id.get_storage_size() * (MOST_COMPRESSED if filtered else 1)
    claimed = max(dataset.size or 0, math.prod(dataset.chunks or ())) * dataset.dtype.itemsize
    if stored < claimed or _end(dataset) > Path(dataset.file.filename).stat().st_size:
        where = f"all numbers of {dataset.name.lstrip('/')!r} of {dataset.file.filename!r}"
        raise expected(where, "some that were never written", "Make or copy it again.")


def vector_in(parent: h5py.Group, name: str, *lengths: int) -> np.ndarray:
    """Return a vector of one of these lengths, float64; one number for each point of an axis.

    Raises
    ------
    InputError
        What `dataset_in` raises, another rank or length, or values that are not finite.
    """
    dataset = dataset_in(parent, name)
    where = f"{_join(parent, name)!r} of {parent.file.filename!r}"
    if dataset.ndim != 1 or dataset.shape[0] not in lengths:
        wanted = " or ".join(map(str, lengths))
        raise expected(f"{wanted} numbers in {where}", f"shape {dataset.shape}", "Correct the coordinate.")
    values: np.ndarray = dataset[()].astype(np.float64)
    if not np.isfinite(values).all():
        raise expected(f"finite numbers in {where}", "some that are not", "Correct the coordinate.")
    return values


def common_row_in(parent: h5py.Group, name: str, length: int | None = None) -> np.ndarray:
    """Return a vector, or what all rows of a matrix are: float64, of this length if one is given.

    Raises
    ------
    InputError
        What `dataset_in` raises, another rank or length, rows that differ, or values that are not finite.
    """
    dataset = dataset_in(parent, name)
    if dataset.ndim != 2:
        return vector_in(parent, name, dataset.size if length is None else length)
    where = f"{_join(parent, name)!r} of {parent.file.filename!r}"
    rows = np.asarray(dataset[()], dtype=np.float64)
    if length not in (None, rows.shape[1]):
        raise expected(f"{length} numbers for each sample in {where}", f"shape {rows.shape}", "Correct the coordinate.")
    if not np.isfinite(rows).all() or np.ptp(rows, axis=0).any():
        raise expected(f"the same finite numbers for all samples in {where}", "others", "Open the samples one by one.")
    first: np.ndarray = rows[0]
    return first


def number_in(attributes: h5py.AttributeManager, name: str) -> float | None:
    """Return an attribute that is one real number, or None."""
    value = attributes.get(name)
    array = np.asarray(value)
    return float(array.reshape(())) if value is not None and array.size == 1 and array.dtype.kind in "fiu" else None


def _end(dataset: h5py.Dataset) -> int:
    """Return where in the file the numbers end at the earliest; pieces may claim more bytes than there are."""
    return int(dataset.id.get_offset() or 0) + int(dataset.id.get_storage_size())


def _join(parent: h5py.Group, name: str) -> str:
    return f"{parent.name.strip('/')}/{name}".lstrip("/")
