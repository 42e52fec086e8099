"""What readers know to be wrong with published files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from surrogate.auditing.finding import Finding


def known_defects(warned: Sequence[str]) -> Iterator[Finding]:
    """Pass on what the reader of a file warned of."""
    for text in warned:
        yield Finding("warning", text, "See the page on formats.")
