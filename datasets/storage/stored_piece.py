"""Arrays that lie in one piece in a file, read as bytes."""

from __future__ import annotations

import math
import os
import weakref
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import h5py
import numpy as np

from surrogate.datasets.errors import expected

Key = tuple[int | slice, ...]

_MOST_OPEN = 128
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
        Its `file_state` when HDF5 said so.
    offset
        Where in it the array begins, in bytes; None where it is scattered, packed, or not written.
    shape, dtype
        Of the array.
    """

    path: str
    state: tuple[int, ...]
    offset: int | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _file: _File | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(cls, path: str, dataset: h5py.Dataset) -> StoredPiece:
        """Ask HDF5."""
        offset = dataset.id.get_offset() if hasattr(os, "preadv") else None
        return cls(path, file_state(path), offset, dataset.shape, dataset.dtype)

    def begin(self, key: Key, dtype: np.dtype[Any]) -> int | None:
        """Return where in the file a part begins; None for one that is scattered, or wanted in another type."""
        if self.offset is None or dtype != self.dtype:
            return None
        begin, whole = self.offset, False
        width = math.prod(self.shape) * dtype.itemsize
        for part, length in zip(key, self.shape, strict=True):
            width //= length
            if isinstance(part, int):
                begin, count = begin + part * width, 1
            else:
                begin, count = begin + part.start * width, part.stop - part.start
                if part.step != 1:
                    return None
            if whole and count < length:
                return None
            whole = whole or count > 1
        return begin

    def read(self, begin: int, out: np.ndarray) -> None:
        """Fill ``out`` with the bytes from there on."""
        if self._file is None:
            self._file = _File(self.path, self.state)
            remember(self)
        memory = out.reshape(-1).data.cast("B")
        while memory:
            count = os.preadv(self._file.descriptor, [memory], begin)
            if not count:
                raise OSError(f"{self.path!r} ends before its data do.")
            memory, begin = memory[count:], begin + count

    def close(self) -> None:
        """Close the file; it is opened again when something is read."""
        self._file = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_file": None}


class _File:
    """A file that is open as long as this exists; a forked process may read it, too."""

    def __init__(self, path: str, state: tuple[int, ...]) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.descriptor)
        if file_state(self.descriptor) != state:
            raise expected(f"the file {path!r} that was opened", "another one in its place", "Open it again.")


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


def file_state(file: str | Path | int) -> tuple[int, ...]:
    """Return what changes when another file takes the place of this one, of a path or an open file."""
    state = os.stat(file)
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size
