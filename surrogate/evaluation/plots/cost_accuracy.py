"""Error against cost: the front of the solvers and where the surrogates lie."""

from __future__ import annotations

import itertools
import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surrogate.evaluation.plots.rivals import surrogates
from surrogate.evaluation.plots.style import BASELINES, SOLVERS, canvas, colors, tidy
from surrogate.evaluation.reference import MARGIN
from surrogate.evaluation.report import Comparison
from surrogate.evaluation.summary import Row
from surrogate.evaluation.verdicts import MODES, Mode, front_of, timing_of

MARKERS = "s^Dv<>P*"


def cost_accuracy(comparison: Comparison) -> Figure:
    """Draw error against time per sample, one sample at a time and in the best batches, both on logarithmic axes."""
    figure = canvas(10.0, 4.6)
    for axes, mode in zip(figure.subplots(1, 2, sharey=True), MODES, strict=True):
        _panel(axes, comparison, mode)
    figure.axes[0].set_ylabel("relative L2 error")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    return figure


def _panel(axes: Axes, comparison: Comparison, mode: Mode) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    _solvers(axes, comparison, mode)
    for (name, color), marker in zip(colors(surrogates(comparison)).items(), itertools.cycle(MARKERS)):
        row = next(row for row in comparison.rows if row.name == name)
        if row.cost is not None and math.isfinite(row.error):
            timing = timing_of(row.cost, mode)
            spread = [[timing.median - timing.lower], [timing.upper - timing.median]]
            error = [[row.error - row.statistics.low], [row.statistics.high - row.error]]
            axes.errorbar(timing.median, row.error, error, spread, fmt=marker, color=color, ms=8, capsize=2, label=name)
    _baselines(axes, comparison)
    _floor(axes, comparison)
    _widen(axes)
    axes.set_title(MODES[mode], fontsize="medium")
    axes.set_xlabel("seconds per sample")
    tidy(axes)


def _widen(axes: Axes) -> None:
    """Show at least a decade of costs, so that differences do not look larger than they are."""
    low, high = axes.get_xlim()
    if high < 10 * low:
        middle = math.sqrt(low * high)
        axes.set_xlim(middle / math.sqrt(10), middle * math.sqrt(10))


def _solvers(axes: Axes, comparison: Comparison, mode: Mode) -> None:
    rows = [
        row for row in comparison.rows if row.kind == "solver" and row.cost is not None and math.isfinite(row.error)
    ]
    look: dict[str, Any] = {"ls": "", "marker": "o", "color": SOLVERS}
    for precision, fill in (("float64", SOLVERS), ("float32", "white")):
        points = [_point(row, mode) for row in rows if row.precision == precision]
        if points:
            axes.plot(*zip(*points, strict=True), mfc=fill, ms=5, label=f"solver, {precision}", **look)
    noted = [_point(row, mode) for row in rows if row.note]
    if noted:
        axes.plot(*zip(*noted, strict=True), mfc="none", ms=11, label="made the data", **look)
    front = front_of(comparison.rows, mode, comparison.floor)
    if front:
        axes.plot([c for *_, c in front], [e for _, e, _ in front], color=SOLVERS, lw=1.2, label="best solvers")


def _point(row: Row, mode: Mode) -> tuple[float, float]:
    assert row.cost is not None
    return timing_of(row.cost, mode).median, row.error


def _baselines(axes: Axes, comparison: Comparison) -> None:
    rows = [row for row in comparison.rows if row.kind == "baseline" and 0 < row.error < math.inf]
    for row, style in zip(rows, itertools.cycle((":", "-."))):
        axes.axhline(row.error, color=BASELINES, ls=style, lw=1.2, label=row.name)


def _floor(axes: Axes, comparison: Comparison) -> None:
    """Shade what is not ranked, if a point lies within two decades of it."""
    if not comparison.floor:
        return
    top = MARGIN * comparison.floor
    lowest = min((row.error for row in comparison.rows if row.cost is not None), default=math.inf)
    if lowest < 100 * top:
        axes.set_ylim(bottom=min(lowest, comparison.floor) / 3)
        axes.axhspan(axes.get_ylim()[0], top, color="0.92", lw=0, label="not ranked")
