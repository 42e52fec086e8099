"""The table of a comparison, for the terminal and for the page."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from surrogate.evaluation.report import Comparison
from surrogate.evaluation.summary import Row
from surrogate.evaluation.verdicts import MODES, duration

_ERRORS = ("member", "relative L2", "worst")
_OVER_TIME = ("last frame", "correlated until")
_COSTS = ("1 sample", "best batch")
_ORDER = {"surrogate": 0, "solver": 1, "baseline": 2}


def table(comparison: Comparison) -> Table:
    """Return errors and costs of all members, the candidates first, then by error."""
    shown = Table(title="Errors against the reference, and time per sample", title_justify="left")
    for heading in headings(comparison):
        shown.add_column(heading, justify="left" if heading == "member" else "right", no_wrap=heading == "member")
    kind = None
    for row in ordered(comparison.rows):
        if kind not in (None, row.kind):
            shown.add_section()
        kind = row.kind
        shown.add_row(*map(Text, cells(row, steady=is_steady(comparison))), style="bold" if kind == "surrogate" else "")
    return shown


def as_text(comparison: Comparison, width: int = 120) -> str:
    """Return table and verdicts as plain text."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False, markup=False)
    console.print(table(comparison))
    for line in sentences(comparison):
        console.print(line)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def sentences(comparison: Comparison) -> list[str]:
    """Return the verdicts, what is known of the reference, and remarks."""
    verdicts = [f"{verdict.name}, {MODES[verdict.mode]}: {verdict.sentence}" for verdict in comparison.verdicts]
    return [*verdicts, reference_sentence(comparison), *remarks(comparison)]


def remarks(comparison: Comparison) -> list[str]:
    """Return what the marks in the table mean, and what could not be done."""
    marks = [f"* {row.name}: {row.note}." for row in comparison.rows if row.note]
    return [*marks, *comparison.notes]


def reference_sentence(comparison: Comparison) -> str:
    """Return how the reference was made and how good it is."""
    settings = comparison.provenance["reference"]
    if settings is None:
        return "The truth itself is the reference; its own error is not known."
    text = f"Reference: {settings['solver']}, {settings['scheme']}, {settings['resolution']} points an axis, "
    text += f"{settings['substeps']} substeps, {settings['dtype']}, at least twice as fine as every solver in the table"
    return f"{text}; its own error, against a solution twice as fine again, is {comparison.floor:.2g}."


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Return candidates, solvers and baselines, each by error."""
    return sorted(rows, key=lambda row: (_ORDER[row.kind], row.error))


def is_steady(comparison: Comparison) -> bool:
    """Return whether there is no time over which errors could grow."""
    return "correlation_time" not in comparison.scores


def headings(comparison: Comparison) -> list[str]:
    """Return what stands above the columns."""
    return [*_ERRORS, *(() if is_steady(comparison) else _OVER_TIME), *_COSTS]


def cells(row: Row, *, steady: bool) -> list[str]:
    """Return the entries under `headings`."""
    s = row.statistics
    until = "" if s.correlated_until is None else f"{'> ' if s.censored else ''}{s.correlated_until:.3g}"
    return [
        f"{row.name} *" if row.note else row.name,
        _error(row, s.error),
        _error(row, s.worst),
        *([] if steady else [_error(row, s.final), until]),
        "" if row.cost is None else duration(row.cost.single.median),
        "" if row.cost is None else f"{duration(row.cost.best.median)} ({row.cost.best.batch})",
    ]


def _error(row: Row, value: float) -> str:
    if math.isinf(value):
        return f"blew up at {row.statistics.blown_up_at}" if row.statistics.blown_up else "inf"
    return f"{value:.2e}" if row.ranked else f"{value:.0e} (not ranked)"
