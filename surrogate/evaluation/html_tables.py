"""The tables of the page below that of errors and costs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from surrogate.evaluation.plots.rivals import rival, surrogates
from surrogate.evaluation.report import Comparison
from surrogate.evaluation.summary import Row
from surrogate.evaluation.table import ordered

_OF_FIELDS = {
    "relative_l2": "relative L2",
    "nrmse": "nRMSE",
    "vrmse": "VRMSE",
    "h1": "H1",
    "max_error": "largest error",
    "boundary_error": "boundary RMSE",
    "log_spectral_distance": "log-spectral distance",
}


def table_of(headings: Sequence[str], lines: Sequence[str]) -> str:
    """Return a table of lines from `line_of`."""
    return f'<div class="scroll"><table>{line_of(headings, "th")}{"".join(lines)}</table></div>'


def line_of(entries: Sequence[str], tag: str, kind: str = "") -> str:
    """Return a line of a table; ``kind`` is its class."""
    return f'<tr class="{kind}">' + "".join(f"<{tag}>{escape(entry)}</{tag}>" for entry in entries) + "</tr>\n"


def by_field(comparison: Comparison) -> str:
    """Return the errors of each field for the candidates and the solver beside them, means over times and samples."""
    found = {name: words for name, words in _OF_FIELDS.items() if name in comparison.scores}
    solver = rival(comparison)
    members = [*surrogates(comparison), *([] if solver is None else [solver])]
    lines = []
    for member in members:
        means = comparison.scores[list(found)].sel(member=member).mean(["sample", "time"])
        kind = "solver" if member == solver else "surrogate"
        for field in comparison.scores["field"].values.tolist():
            values = means.sel(field=field)
            lines.append(line_of([member, field, *(f"{float(values[name]):.2e}" for name in found)], "td", kind))
    return "<h2>Errors by field</h2>" + table_of(["member", "field", *found.values()], lines)


def ensembles(comparison: Comparison) -> str:
    """Return what the seeds of candidates say as ensembles, if there are any with several."""
    lines = []
    for member, scores in comparison.seed_scores.items():
        if "crps" not in scores:
            continue
        for field in scores["field"].values.tolist():
            crps, spread, skill = (float(scores[name].sel(field=field).mean()) for name in ("crps", "spread", "skill"))
            ratio = "" if skill == 0 else f"{spread / skill:.2f}"
            entries = [member, field, f"{crps:.2e}", f"{spread:.2e}", f"{skill:.2e}", ratio]
            lines.append(line_of(entries, "td", "surrogate"))
    if not lines:
        return ""
    headings = ["seeds as an ensemble", "field", "CRPS", "spread", "error of the mean", "spread over error"]
    return "<h2>Ensembles</h2>" + table_of(headings, lines)


def physics(comparison: Comparison) -> str:
    """Return the table of band errors, drifts and quantities, if there are any."""
    bands = comparison.scores["band"].values.tolist() if "band" in comparison.scores else []
    rows = list({row.name: row for row in ordered(comparison.rows)}.values())
    drifts, quantities = list(rows[0].statistics.drifts), list(rows[0].quantities)
    if not (bands or drifts or quantities):
        return ""
    headings = ["member", *(f"{band} wavenumbers" for band in bands), *(f"drift of {name}" for name in drifts)]
    headings += [text for name in quantities for text in (f"{name}: error", f"{name}: rank correlation")]
    lines = [_physics_of(row, comparison, bands) for row in rows]
    return "<h2>Physics</h2>" + table_of(headings, lines)


def _physics_of(row: Row, comparison: Comparison, bands: Sequence[str]) -> str:
    entries = [row.name]
    if bands:
        means = comparison.scores["spectral_error"].sel(member=row.name).mean(["sample", "time", "field"])
        entries += [f"{float(value):.2e}" for value in means]
    entries += [f"{drift:.1e}" for drift in row.statistics.drifts.values()]
    for found in row.quantities.values():
        entries += [f"{found['relative_error']:.2e}", f"{found['rank_correlation']:.3f}"]
    return line_of(entries, "td", row.kind)
