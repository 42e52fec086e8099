"""What to say of files that their parsers cannot read."""

from __future__ import annotations

from pathlib import Path

from surrogate.datasets.errors import InputError, expected


def unreadable(what: str, path: str | Path, error: BaseException) -> InputError:
    """Return the error to be raised where there should be ``what`` at a path: the first line of what the parser says.

    Parsers raise anything for damaged files, so that their callers have to catch anything.
    """
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return expected(f"{what} {str(path)!r}", first, "Make or copy it again.")
