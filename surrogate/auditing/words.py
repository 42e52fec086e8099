"""Numbers in the words of a finding."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 5


def some(samples: Sequence[int], total: int) -> str:
    """Return how many samples of all, and which: the first few."""
    listed = ", ".join(map(str, samples[:_SHOWN])) + (", ..." if len(samples) > _SHOWN else "")
    return f"{len(samples)} of {total} samples ({listed})" if total > 1 else "the sample"


def plural(count: int, word: str) -> str:
    """Return the count with its noun."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
