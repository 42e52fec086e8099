"""Arrays that lie in one piece in a file, read as bytes."""

from __future__ import annotations

import errno
import math
import os
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import h5py
import numpy as np

from surrogate.datasets.errors import expected

Key = tuple[int | slice, ...]
FileState = tuple[int, ...]

_MOST_OPEN = 128
_MOST_PARTS = 1024  # of memory that Linux fills in one call
_SHORTEST_PART = 2**12
_NOT_NOW = {errno.EAGAIN, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}
_holders: deque[weakref.ref[Any]] = deque()


@dataclass
class StoredPiece:
    """Where HDF5 says that the numbers of a dataset lie.

    Reading them there saves the fixed cost of a call of HDF5, as large as that of reading a hundred thousand bytes.

    Parameters
    ----------
    path
        The file.
    state
        Its `file_state`.
    offset
        Where in it the array begins, in bytes; None where it is scattered, packed, or not written.
    shape, dtype
        Of the array.
    """

    path: str
    state: FileState
    offset: int | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _file: _File | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        sizes = [math.prod(self.shape[axis + 1 :]) * self.dtype.itemsize for axis in range(len(self.shape))]
        self._axes = list(zip(self.shape, sizes, strict=True))

    @classmethod
    def of(cls, path: str, state: FileState, dataset: h5py.Dataset) -> StoredPiece:
        """Ask HDF5."""
        offset = dataset.id.get_offset() if hasattr(os, "preadv") else None
        return cls(path, state, offset, dataset.shape, dataset.dtype)

    def locate(self, key: Key, dtype: np.dtype[Any]) -> Location | None:
        """Return where a part begins; None for one that is scattered, or wanted in another type."""
        if self.offset is None or dtype != self.dtype:
            return None
        begin, whole = self.offset, False
        for part, (length, size) in zip(key, self._axes, strict=True):
            if isinstance(part, int):
                begin, count = begin + part * size, 1
            else:
                begin, count = begin + part.start * size, part.stop - part.start
                if part.step != 1:
                    return None
            if whole and count < length:
                return None
            whole = whole or count > 1
        return Location(self, begin)

    def read(self, begin: int, out: np.ndarray) -> None:
        """Fill ``out`` with the bytes from there on, in the order of its values."""
        parts = contiguous_parts(out)
        if parts is None:
            whole = np.empty(out.shape, out.dtype)
            self._fill(begin, [whole])
            out[...] = whole
            return
        for first in range(0, len(parts), _MOST_PARTS):
            begin = self._fill(begin, parts[first : first + _MOST_PARTS])

    def read_now(self, begin: int, out: np.ndarray) -> bool:
        """Fill ``out`` if the system has the bytes in memory, and return whether it had."""
        parts = contiguous_parts(out)
        if parts is None or len(parts) > _MOST_PARTS or not hasattr(os, "RWF_NOWAIT"):
            return False
        try:
            return os.preadv(self.descriptor, [part.data for part in parts], begin, os.RWF_NOWAIT) == out.nbytes
        except OSError as error:
            if error.errno not in _NOT_NOW:
                raise
            return False

    def prefetch(self, begin: int, size: int) -> None:
        """Let the system read so many bytes while others are waited for: disks serve several requests at once."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.descriptor, begin, size, os.POSIX_FADV_WILLNEED)

    def _fill(self, begin: int, parts: Sequence[np.ndarray]) -> int:
        """Fill contiguous arrays one after another; return where the bytes end."""
        left = [part.reshape(-1).data.cast("B") for part in parts]
        descriptor = self.descriptor
        while left:
            count = os.preadv(descriptor, left, begin)
            if not count:
                raise expected(f"all data of {self.path!r}", "the end of the file", "Make or copy it again.")
            begin, left = begin + count, _behind(left, count)
        return begin

    @property
    def descriptor(self) -> int:
        """Of the file, which is opened for it."""
        if self._file is None:
            self._file = _File(self.path, self.state)
            remember(self)
        return self._file.descriptor

    def close(self) -> None:
        """Close the file; it is opened again when something is read."""
        self._file = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_file": None}


class Location(NamedTuple):
    """Where a part of an array begins; its bytes follow each other."""

    piece: StoredPiece
    begin: int

    def read(self, out: np.ndarray) -> None:
        """Fill ``out`` with the part."""
        self.piece.read(self.begin, out)

    def read_now(self, out: np.ndarray) -> bool:
        """Fill ``out`` if the system has the part in memory; else let it fetch the part and return False."""
        found = self.piece.read_now(self.begin, out)
        if not found:
            self.piece.prefetch(self.begin, out.nbytes)
        return found


class _File:
    """A file that is open as long as this exists; a forked process may read it, too."""

    def __init__(self, path: str, state: FileState) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.descriptor)
        refuse_other(self.descriptor, path, state)


@runtime_checkable
class Closes(Protocol):
    """What has a file open."""

    def close(self) -> None:
        """Close it."""


def remember(holder: Closes) -> None:
    """Close the file that was opened first when many others are."""
    _holders.append(weakref.ref(holder))
    oldest = _holders.popleft()() if len(_holders) > _MOST_OPEN else None
    if oldest is not None and oldest is not holder:
        oldest.close()


def refuse_other(file: str | int, path: str, state: FileState) -> None:
    """Raise `InputError` unless a path, or an open file, is still what it was."""
    if file_state(file) != state:
        raise expected(f"the file {path!r} that was opened", "another one in its place", "Open it again.")


def file_state(file: str | Path | int) -> FileState:
    """Return what changes when another file takes the place of this one, of a path or an open file."""
    state = os.stat(file)
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size


def contiguous_parts(out: np.ndarray) -> list[np.ndarray] | None:
    """Return what an array consists of in memory; None for parts so short that a copy takes less time."""
    if out.flags.c_contiguous:
        return [out]
    axes = next((axes for axes in range(1, out.ndim) if out[(0,) * axes].flags.c_contiguous), out.ndim)
    if math.prod(out.shape[axes:]) * out.itemsize < _SHORTEST_PART:
        return None
    return [out[index] for index in np.ndindex(out.shape[:axes])]


def _behind(buffers: Sequence[memoryview], count: int) -> list[memoryview]:
    """Return what is left behind so many bytes."""
    for number, buffer in enumerate(buffers):
        if count < len(buffer):
            return [buffer[count:], *buffers[number + 1 :]]
        count -= len(buffer)
    return []
