"""Error against cost: the front of the solvers and where the surrogates lie."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surrogate.evaluation.plots.rivals import surrogates
from surrogate.evaluation.plots.style import BASELINES, LINES, SOLVERS, canvas, colors, tidy
from surrogate.evaluation.reference import MARGIN
from surrogate.evaluation.report import Comparison
from surrogate.evaluation.summary import Row
from surrogate.evaluation.verdicts import MODES, Mode, front_of, timing_of

MARKERS = "s^Dv<>P*"


def cost_accuracy(comparison: Comparison) -> Figure:
    """Draw error against time per sample on logarithmic axes: one sample at a time and in batches, a row a device."""
    figure = canvas(10.0, 0.6 + 4.0 * len(comparison.devices))
    panels = figure.subplots(len(comparison.devices), 2, squeeze=False, sharey=True)
    for device, row in zip(comparison.devices, panels, strict=True):
        where = f", {device}" if len(comparison.devices) > 1 else ""
        for axes, mode in zip(row, MODES, strict=True):
            _panel(axes, comparison, mode, device)
            axes.set_title(f"{MODES[mode]}{where}", fontsize="medium")
        row[0].set_ylabel("relative L2 error")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    return figure


def _panel(axes: Axes, comparison: Comparison, mode: Mode, device: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    rows = comparison.rows_on(device)
    _solvers(axes, rows, mode, comparison.floor)
    for (name, color), marker in zip(colors(surrogates(comparison)).items(), itertools.cycle(MARKERS)):
        row = next(row for row in rows if row.name == name)
        if row.cost is not None and math.isfinite(row.error):
            timing = timing_of(row.cost, mode)
            spread = [[timing.median - timing.lower], [timing.upper - timing.median]]
            error = [[row.error - row.statistics.low], [row.statistics.high - row.error]]
            axes.errorbar(timing.median, row.error, error, spread, fmt=marker, color=color, ms=8, capsize=2, label=name)
    _baselines(axes, rows)
    _floor(axes, comparison)
    _widen(axes)
    axes.set_xlabel("seconds per sample")
    tidy(axes)


def _widen(axes: Axes) -> None:
    """Show at least a decade of costs, so that differences do not look larger than they are."""
    low, high = axes.get_xlim()
    if high < 10 * low:
        middle = math.sqrt(low * high)
        axes.set_xlim(middle / math.sqrt(10), middle * math.sqrt(10))


def _solvers(axes: Axes, rows: Sequence[Row], mode: Mode, floor: float | None) -> None:
    solvers = [row for row in rows if row.kind == "solver" and row.cost is not None and math.isfinite(row.error)]
    here = [row for row in solvers if not row.hardware]
    look: dict[str, Any] = {"ls": "", "marker": "o", "color": SOLVERS}
    for precision, fill in (("float64", SOLVERS), ("float32", "white")):
        points = [_point(row, mode) for row in here if row.precision == precision]
        if points:
            axes.plot(*zip(*points, strict=True), mfc=fill, ms=5, label=f"solver, {precision}", **look)
    noted = [_point(row, mode) for row in here if row.note]
    if noted:
        axes.plot(*zip(*noted, strict=True), mfc="none", ms=11, label="made the data", **look)
    for row in solvers:
        if row.hardware:
            label = f"{row.name} ({row.hardware})"
            axes.plot(*_point(row, mode), ls="", marker="X", color=SOLVERS, mec="black", ms=8, label=label)
    front = front_of(rows, mode, floor)
    if front:
        axes.plot([c for *_, c in front], [e for _, e, _ in front], color=SOLVERS, lw=1.2, label="best solvers")


def _point(row: Row, mode: Mode) -> tuple[float, float]:
    assert row.cost is not None
    return timing_of(row.cost, mode).median, row.error


def _baselines(axes: Axes, rows: Sequence[Row]) -> None:
    shown = [row for row in rows if row.kind == "baseline" and 0 < row.error < math.inf]
    for row, style in zip(shown, itertools.cycle(LINES)):
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
