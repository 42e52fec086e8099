"""Folders that appear whole or not at all, and what belongs to a file of another name."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from surrogate.datasets.storage.locks import hidden, only_writer
from surrogate.datasets.storage.whole_files import flush, flush_names, named_errors, refuse_existing, require_room


@contextmanager
def whole_folder(path: str | Path, *, overwrite: bool = False, size: int = 0) -> Iterator[Path]:
    """Give a temporary folder to fill, and move it to ``path`` on success; on failure nothing is left or changed.

    What was at ``path`` before is set aside for the moment of the move, and is put back by the next call if the process
    is killed just then. ``size`` is the number of bytes to come, if it is known.

    Raises
    ------
    InputError
        ``path`` exists and ``overwrite`` is false, its folder does not exist, or another process is writing it.
    OSError
        The folder cannot be written (disk full, permission denied); the message names it.
    """
    path = refuse_existing(path, overwrite=True)  # its folder must be there
    with named_errors(path, "Nothing was changed."), only_writer(path):
        _put_back(path)
        refuse_existing(path, overwrite)
        part = hidden(path, "part")
        try:
            discard(part)
            require_room(path.parent, size)
            part.mkdir()
            yield part
            _publish(part, path)
        finally:
            discard(part)


@contextmanager
def belonging(path: Path, suffix: str = "") -> Iterator[Path]:
    """Give the name of a new file or folder beside ``path`` that holds its data: ``<name>.data``, with a suffix.

    What an earlier file of this name had is left alone until all has gone well, and then removed: at any moment the
    file is there with its data, or it is not there. Nobody else can write either meanwhile.
    """
    with named_errors(path, "Nothing was changed."), only_writer(path):
        earlier = [found for found in path.parent.iterdir() if _is_data(found, path, suffix)]
        numbers = ("" if number == 0 else str(number) for number in count())
        names = (path.with_name(f"{path.name}.data{number}{suffix}") for number in numbers)
        fresh = next(name for name in names if not name.exists())
        try:
            yield fresh
        except BaseException:
            if not (path.is_file() and fresh.name.encode() in path.read_bytes()):  # stopped when the file was there
                discard(fresh)
            raise
        for found in earlier:
            discard(found)


def discard(path: Path) -> None:
    """Remove a file or folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _publish(part: Path, path: Path) -> None:
    for found in (*part.rglob("*"), part):
        flush(found)
    aside = hidden(path, "old")
    if path.exists():
        os.replace(path, aside)
    try:
        os.replace(part, path)
    except BaseException:
        _put_back(path)
        raise
    flush_names(path.parent)
    discard(aside)


def _put_back(path: Path) -> None:
    aside = hidden(path, "old")
    if aside.exists() and not path.exists():
        os.replace(aside, path)


def _is_data(found: Path, path: Path, suffix: str) -> bool:
    return re.fullmatch(re.escape(path.name) + r"\.data\d*" + re.escape(suffix), found.name) is not None
