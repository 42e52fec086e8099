"""Which solvers to show beside the surrogates."""

from __future__ import annotations

from surrogate.evaluation.report import Comparison
from surrogate.evaluation.verdicts import front_of


def surrogates(comparison: Comparison) -> list[str]:
    """Return the names of the candidates."""
    return list(dict.fromkeys(row.name for row in comparison.rows if row.kind == "surrogate"))


def rival(comparison: Comparison) -> str | None:
    """Return the cheapest solver that is at least as accurate as the first candidate, else the most accurate one."""
    front = front_of(comparison.rows_on(comparison.devices[0]), "best", comparison.floor)
    if not front:
        return None
    first = comparison.rows[0].error
    return next((row.name for row, error, _ in front if error <= first), front[-1][0].name)
