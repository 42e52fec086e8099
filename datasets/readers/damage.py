"""What to say of files that their parsers cannot read."""

from __future__ import annotations

import re
from pathlib import Path

from surrogate.datasets.errors import InputError, expected

#: Filters of files shrink numbers at most so much (deflate by 1032): more means that most was never written.
MOST_COMPRESSED = 1100
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 300


def unreadable(what: str, path: str | Path, error: BaseException, do: str = "Make or copy it again.") -> InputError:
    """Return the error to be raised where there should be ``what`` at a path: the first line of what the parser says.

    Parsers raise anything for damaged files, so that their callers have to catch anything. What they say may hold
    anything, too: it is made printable and cut.
    """
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    words = "".join(sign if sign.isprintable() else "?" for sign in _COLORS.sub("", first))
    return expected(f"{what} {str(path)!r}", words[:_LONGEST], do)
