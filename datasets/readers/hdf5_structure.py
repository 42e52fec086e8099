"""The structure of an HDF5 file: whether the library can be let loose on it."""

from __future__ import annotations

import mmap
import os
from functools import lru_cache
from pathlib import Path

import h5py

from surrogate.datasets.readers.hdf5_headers import Headers
from surrogate.datasets.readers.hdf5_heaps import refuse_damaged_heaps


def require_sound(path: Path) -> None:
    """Raise `InputError` where the library would ask for any memory, not come back, or follow a link to another file.

    What is not HDF5 is left to the library. A file that was found sound is not looked at again until it changes.
    """
    state = os.stat(path)
    _require_sound(str(path), state.st_ino, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1024)
def _require_sound(path: str, *_state: int) -> None:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        refuse_damaged_heaps(path, content)
        headers = Headers.of(path, content)
        if headers is not None:
            with h5py.File(path) as opened:
                headers.refuse_damaged(opened)
