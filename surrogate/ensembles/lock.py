"""One writer at a time: a lock that the system takes back from a process that dies."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from surrogate.datasets.errors import expected


@contextmanager
def only_writer(lock: Path, target: Path) -> Iterator[None]:
    """Hold the lock file ``lock`` while ``target`` is written.

    Raises
    ------
    InputError
        Another process holds it; the message names the process.
    """
    descriptor = _acquired(lock, target)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _acquired(lock: Path, target: Path) -> int:
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            do = "Wait for it, or choose another path."
            raise expected(f"no other writer of {str(target)!r}", holder, do) from error
        if _is_at(lock, descriptor):
            os.truncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
            return descriptor
        os.close(descriptor)  # its holder removed it between our two calls


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether an open file is still the one at ``path``."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))
