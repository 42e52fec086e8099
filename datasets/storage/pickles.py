"""Files of ``torch.save``: tensors, numbers and words in lists and dictionaries, and nothing that could run."""

from __future__ import annotations

import mmap
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any, cast
from zipfile import ZIP_STORED, ZipFile

import torch

from surrogate.datasets.errors import expected
from surrogate.datasets.readers.damage import unreadable

_ZIP = b"PK\x03\x04"


def load_plain(path: str | Path, what: str) -> Any:
    """Return what ``torch.save`` wrote, on the host.

    Raises
    ------
    InputError
        There is not ``what`` at ``path`` but something else, or it is damaged.
    """
    with Path(path).open("rb") as file:
        zipped = file.read(len(_ZIP)) == _ZIP
    try:
        if zipped:
            _check_sizes(Path(path))
            return torch.load(path, map_location="cpu", weights_only=True)
        with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            # a map gives what it has; a file would set memory aside for what the older format claims to come
            return torch.load(cast(IO[bytes], content), map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch advises to run what is in the file
        do = "Save plain tensors with torch.save; other objects can run code and are not opened."
        raise expected(f"{what} {str(path)!r}", "a damaged file, or one of other objects", do) from error
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable(what, path, error) from error


def _check_sizes(path: Path) -> None:
    """Raise `ValueError` where an archive claims more than it holds: the memory for it would be set aside."""
    with ZipFile(path) as archive:
        entries = archive.infolist()
    if any(entry.compress_type != ZIP_STORED for entry in entries):
        raise ValueError("compressed parts, which torch.save does not write")
    claimed = sum(entry.file_size for entry in entries)
    if claimed > path.stat().st_size:
        raise ValueError(f"parts that claim {claimed} bytes in a file of {path.stat().st_size}")


def save_plain(content: Any, part: Path) -> None:
    """Write by ``torch.save``; a disk that is full is an `OSError`, as everywhere else."""
    with part.open("wb") as file:
        torch.save(content, file)
