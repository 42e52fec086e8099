"""One writer for each file."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from surrogate.datasets.errors import expected

#: What systems say where another process holds the lock, and where the file system knows no locks.
_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
_UNKNOWN = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


def hidden(path: Path, suffix: str) -> Path:
    """Return the file beside ``path`` that holds what is not finished."""
    return path.with_name(f".{path.name}.{suffix}")


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Refuse all others who want to write ``path`` meanwhile, in this process or another one.

    The system holds the lock, on an empty file beside ``path``, and lets go of it when the process ends, however it
    ends: what a killed process leaves is taken over. File systems that know no locks do not protect.

    Raises
    ------
    InputError
        Another one writes it.
    """
    file = hidden(path, "lock")
    descriptor = _locked(file)
    if descriptor is None:
        do = "Wait until it is done, or choose another path."
        raise expected("a path that nobody else writes", f"{str(path)!r}, which another process is writing", do)
    try:
        yield
    finally:
        with suppress(PermissionError):  # Windows removes no open file: the next writer takes it over
            file.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(file: Path) -> int | None:
    """Return an open and locked file, which stays locked until it is closed; None where another one holds it."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno not in _UNKNOWN:
                os.close(descriptor)
            if error.errno in _TAKEN:
                return None
            if error.errno not in _UNKNOWN:
                raise
        if _is_still(file, descriptor):
            return descriptor
        os.close(descriptor)  # its last holder removed it before it was locked here


def _is_still(file: Path, descriptor: int) -> bool:
    """Return whether an open file still has its name."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
