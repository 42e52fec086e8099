"""The table of a comparison, for the terminal and for the page."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from surrogate.evaluation.report import Comparison
from surrogate.evaluation.summary import Row
from surrogate.evaluation.verdicts import MODES, Verdict, duration

_ERRORS = ("member", "relative L2", "worst")
_OVER_TIME = ("last frame", "correlated until")
_COSTS = ("1 sample", "best batch")
#: What published numbers rest on at least.
FEWEST_SEEDS, FEWEST_SAMPLES = 3, 32
#: Members that a remark names; of more it gives the number.
MOST_NAMES = 4
_ORDER = {"surrogate": 0, "solver": 1, "baseline": 2}


def table(comparison: Comparison) -> Table:
    """Return errors and costs of all members, the candidates first, then by error."""
    title = "Errors against the reference, and time per sample"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings(comparison):
        is_member = heading == "member"  # names are broken in narrow terminals, numbers never
        words = heading if is_member else heading.replace(" ", "\n")
        shown.add_column(words, justify="left" if is_member else "right", no_wrap=not is_member)
    kind = None
    for row in ordered(comparison.rows):
        if kind not in (None, row.kind):
            shown.add_section()
        kind = row.kind
        shown.add_row(*map(Text, cells(row, comparison)), style="bold" if kind == "surrogate" else "")
    return shown


def printed(comparison: Comparison) -> Group:
    """Return table and verdicts for the terminal."""
    return Group(table(comparison), *map(Text, sentences(comparison)))


def as_text(comparison: Comparison) -> str:
    """Return table and verdicts as plain text."""
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(comparison)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def sentences(comparison: Comparison) -> list[str]:
    """Return the verdicts, what was spent before, what is known of the reference, and remarks."""
    verdicts = [f"{heading(verdict, comparison)}: {verdict.sentence}" for verdict in comparison.verdicts]
    return [*verdicts, *investments(comparison), reference_sentence(comparison), *remarks(comparison)]


def heading(verdict: Verdict, comparison: Comparison) -> str:
    """Return of whom and of what a verdict is."""
    where = f", {verdict.device}" if len(comparison.devices) > 1 else ""
    return f"{verdict.name}, {MODES[verdict.mode]}{where}"


def investments(comparison: Comparison) -> list[str]:
    """Return what was spent on each candidate before it could be used, in parts."""
    spent = {verdict.name: verdict.investment for verdict in comparison.verdicts}
    return [f"Spent on {name} beforehand: {investment}." for name, investment in spent.items()]


def remarks(comparison: Comparison) -> list[str]:
    """Return what the marks in the table mean, how much the numbers rest on, and what could not be done."""
    marks = [f"* {row.name}: {row.note}." for row in comparison.rows if row.note]
    marks += [f"† {row.name}: ran on other hardware, {row.hardware}." for row in comparison.rows if row.hardware]
    marks += _cut_short(comparison)
    curves = [f"Learning curve of {name}: {curve.sentence}" for name, curve in comparison.learning_curves.items()]
    return [*dict.fromkeys(marks), *_shifted(comparison), _basis(comparison), *curves, *comparison.notes]


def _cut_short(comparison: Comparison) -> list[str]:
    """Return which members might have been quicker in larger batches."""
    cut = dict.fromkeys(row.name for row in comparison.rows if row.cost is not None and row.cost.cut)
    who = (
        "; ".join(cut)
        if len(cut) <= MOST_NAMES
        else f"{len(cut)} of {len({row.name for row in comparison.rows})} members"
    )
    return [f"No time for larger batches, in which they may be quicker: {who}."] if cut else []


def _shifted(comparison: Comparison) -> list[str]:
    """Return the errors outside of the distribution of the training data."""
    found = {row.name: row for row in comparison.rows if row.out_of_distribution}
    return [
        f"Out of distribution, {row.name}: "
        + ", ".join(f"{error:.2e} at {name}" for name, error in row.out_of_distribution.items())
        + f" ({row.error:.2e} within)."
        for row in found.values()
    ]


def _basis(comparison: Comparison) -> str:
    """Return over how many seeds and samples the numbers are, and whether that is enough to publish."""
    candidates = [row.statistics for row in comparison.rows if row.kind == "surrogate"]
    seeds, samples = min(s.seeds for s in candidates), candidates[0].samples
    text = f"Candidates: {seeds} seed{'s' if seeds > 1 else ''}, {samples} samples"
    if seeds >= FEWEST_SEEDS and samples >= FEWEST_SAMPLES:
        return f"{text}."
    return f"{text}; numbers to be published need {FEWEST_SEEDS} seeds and {FEWEST_SAMPLES} samples."


def reference_sentence(comparison: Comparison) -> str:
    """Return how the reference was made and how good it is."""
    settings = comparison.provenance["reference"]
    if settings is None:
        return "The truth itself is the reference; its own error is not known."
    if "level" in settings:
        text = f"Reference: {settings['solver']['solver']}, at least twice as fine as the solver that made the data"
    else:
        text = f"Reference: {settings['solver']}, {settings['scheme']}, {settings['resolution']} points an axis, "
        text += f"{settings['substeps']} substeps, {settings['dtype']}, at least twice as fine as every solver in the "
        text += "table"
    return f"{text}; its own error, against a solution at least twice as fine again, is {comparison.floor:.2g}."


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Return candidates, solvers and baselines, each by error."""
    return sorted(rows, key=lambda row: (_ORDER[row.kind], row.error))


def is_steady(comparison: Comparison) -> bool:
    """Return whether there is no time over which errors could grow."""
    return "correlation_time" not in comparison.scores


def headings(comparison: Comparison) -> list[str]:
    """Return what stands above the columns."""
    return [*_ERRORS, *(() if is_steady(comparison) else _OVER_TIME), *_COSTS]


def cells(row: Row, comparison: Comparison) -> list[str]:
    """Return the entries under `headings`."""
    s = row.statistics
    until = "" if s.correlated_until is None else f"{'> ' if s.censored else ''}{s.correlated_until:.3g}"
    return [
        _name(row, comparison),
        _error(row, s.error),
        _error(row, s.worst),
        *([] if is_steady(comparison) else [_error(row, s.final), until]),
        "" if row.cost is None else duration(row.cost.single.median),
        "" if row.cost is None else f"{duration(row.cost.best.median)} ({row.cost.best.batch})",
    ]


def _name(row: Row, comparison: Comparison) -> str:
    where = f", {row.device}" if len(comparison.devices) > 1 and row.cost is not None and not row.hardware else ""
    seeds = f" ({row.statistics.seeds} seeds)" if row.statistics.seeds > 1 else ""
    return f"{row.name}{where}{seeds}{' *' if row.note else ''}{' †' if row.hardware else ''}"


def _error(row: Row, value: float) -> str:
    if math.isinf(value):
        return f"blew up at {row.statistics.blown_up_at}" if row.statistics.blown_up else "inf"
    return f"{value:.2e}" if row.ranked else f"{value:.0e} (not ranked)"
