"""Files that a file names."""

from __future__ import annotations

from pathlib import Path

from surrogate.datasets.errors import expected


def companion(path: Path, name: str) -> Path:
    """Return the file that ``path`` calls ``name``, which has to lie in its folder or below.

    Raises
    ------
    InputError
        It lies elsewhere, also by a link, or does not exist.
    """
    folder = path.parent.resolve()
    try:
        found = (folder / name).resolve()
        inside, exists = found.is_relative_to(folder), found.is_file()
    except (OSError, ValueError) as error:  # names with a zero byte, or too long
        raise expected(f"names of files in {str(path)!r}", repr(name[:80]), "Correct it.") from error
    if not inside:
        do = "Move that file beside it, and correct the name."
        raise expected(f"only files in the folder of {str(path)!r} or below", f"{name!r}", do)
    if not exists:
        raise expected(f"the file {name!r}, which {str(path)!r} names", "none", "Copy it, too.")
    return found
