"""Files that are written whole or not at all, and nothing that was there is lost."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from surrogate.datasets.errors import expected
from surrogate.datasets.storage.locks import hidden, only_writer


def refuse_existing(path: str | Path, overwrite: bool) -> Path:
    """Return ``path`` as a `Path`; raise `InputError` if it cannot be written to without loss."""
    path = Path(path)
    if path.exists() and not overwrite:
        raise expected("an output path that does not exist", f"{str(path)!r}", "Choose another or pass overwrite=True.")
    if not path.parent.is_dir():
        raise expected("an existing folder", f"{str(path.parent)!r}", "Create it first.")
    return path


@contextmanager
def whole_file(path: str | Path, *, overwrite: bool = False, size: int = 0) -> Iterator[Path]:
    """Give a temporary path to write to, and move it to ``path`` on success; on failure nothing is left or changed.

    ``size`` is the number of bytes to come, if it is known: a disk that cannot hold them is refused at once. What a
    killed process left of an earlier attempt is removed.

    Raises
    ------
    InputError
        ``path`` exists and ``overwrite`` is false, its folder does not exist, or another process is writing it.
    OSError
        The file cannot be written (disk full, permission denied); the message names the file.
    """
    path = refuse_existing(path, overwrite)
    with named_errors(path, "Nothing was changed."), only_writer(path):
        refuse_existing(path, overwrite)  # another one may have just written it
        with replacing(path, size=size) as part:
            yield part


@contextmanager
def replacing(path: Path, *, size: int = 0) -> Iterator[Path]:
    """Do what `whole_file` does for a file that nobody else can write, as its writer is the only one."""
    part = hidden(path, "part")
    try:
        part.unlink(missing_ok=True)
        require_room(path.parent, size)
        yield part
        publish(part, path)
    finally:
        part.unlink(missing_ok=True)


def require_room(folder: Path, size: int) -> None:
    """Raise `OSError` if the disk of ``folder`` cannot hold ``size`` more bytes."""
    if size > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def publish(part: Path, path: Path) -> None:
    """Give a file that is whole its name, for good."""
    flush(part)
    os.replace(part, path)
    flush_names(path.parent)


def flush_names(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where it can tell: what has its name is not taken back."""
    with suppress(OSError):
        flush(folder)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def named_errors(path: Path, state: str) -> Iterator[None]:
    """Raise what the system says of a write as an `OSError` that names ``path`` and what is left there."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause = _disk_error(error)
        if cause is None:
            raise
        words = str(cause) if cause.errno is None else os.strerror(cause.errno)  # h5py's own take three lines
        message = f"Could not write {str(path)!r}: {words}. {state}"
        raise (OSError(message) if cause.errno is None else OSError(cause.errno, message)) from error


def _disk_error(error: BaseException | None) -> OSError | None:
    """Return what the system said: h5py follows it by a `RuntimeError` when it closes the file, or says only that."""
    first = error
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    said = re.search(r"file write failed: .*errno = (\d+)", str(first), re.DOTALL)
    if error is None and said is not None:
        return OSError(int(said[1]), os.strerror(int(said[1])))
    return error
