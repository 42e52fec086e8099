"""Files that a file names."""

from __future__ import annotations

import os
from pathlib import Path

from surrogate.datasets.errors import expected


def companion(path: Path, name: str) -> Path:
    """Return the file that ``path`` calls ``name``, which has to lie in its folder or below.

    Raises
    ------
    InputError
        It lies elsewhere, also by a link, or does not exist.
    """
    found = refuse_outside(path, name)
    if not os.path.isfile(found):  # unlike that of pathlib it bears names that are too long
        raise expected(f"the file {name[:80]!r}, which {str(path)!r} names", "none", "Copy it, too.")
    return found


def refuse_outside(path: Path, name: str) -> Path:
    """Return where what ``path`` calls ``name`` is, or would be; it may be a pattern.

    Raises
    ------
    InputError
        It lies, also by a link, neither in the folder of ``path`` nor below, or is no name.
    """
    folder = path.parent.resolve()
    try:
        found = (folder / name).resolve()
    except (OSError, ValueError) as error:  # names with a zero byte
        raise expected(f"names of files in {str(path)!r}", repr(name[:80]), "Correct it.") from error
    if not found.is_relative_to(folder):
        do = "Move that file beside it, and correct the name."
        raise expected(f"only files in the folder of {str(path)!r} or below", f"{name!r}", do)
    return found
