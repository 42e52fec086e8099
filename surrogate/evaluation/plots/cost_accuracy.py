"""Error against cost: the front of the solvers and where the surrogates lie."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surrogate.evaluation.plots.rivals import surrogates
from surrogate.evaluation.plots.style import BASELINES, SOLVERS, canvas, colors, tidy
from surrogate.evaluation.reference import MARGIN
from surrogate.evaluation.report import Comparison
from surrogate.evaluation.verdicts import MODES, Mode, front_of, timing_of


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
    for double, fill in ((True, SOLVERS), (False, "white")):
        points = [
            (timing_of(row.cost, mode).median, row.error)
            for row in comparison.rows
            if row.kind == "solver" and row.cost is not None and math.isfinite(row.error)
            if row.name.endswith("float64") == double
        ]
        if points:
            label = "solver, float64" if double else "solver, float32"
            axes.plot(*zip(*points, strict=True), "o", color=SOLVERS, mfc=fill, ms=5, label=label)
    front = front_of(comparison.rows, mode, comparison.floor)
    if front:
        axes.plot([c for *_, c in front], [e for _, e, _ in front], color=SOLVERS, lw=1.2, label="best solvers")
    for (name, color), marker in zip(colors(surrogates(comparison)).items(), "s^Dv<>P*" * 8, strict=False):
        row = next(row for row in comparison.rows if row.name == name)
        if row.cost is not None and math.isfinite(row.error):
            timing = timing_of(row.cost, mode)
            spread = [[timing.median - timing.lower], [timing.upper - timing.median]]
            error = [[row.error - row.statistics.low], [row.statistics.high - row.error]]
            axes.errorbar(timing.median, row.error, error, spread, fmt=marker, color=color, ms=8, capsize=2, label=name)
    _lines(axes, comparison)
    axes.set_title(MODES[mode], fontsize="medium")
    axes.set_xlabel("seconds per sample")
    tidy(axes)


def _lines(axes: Axes, comparison: Comparison) -> None:
    baselines = [row for row in comparison.rows if row.kind == "baseline" and 0 < row.error < math.inf]
    for row, style in zip(baselines, (":", "-."), strict=False):
        axes.axhline(row.error, color=BASELINES, ls=style, lw=1.2, label=row.name)
    if comparison.floor:
        bottom = axes.get_ylim()[0]
        axes.axhspan(min(bottom, comparison.floor), MARGIN * comparison.floor, color="0.92", lw=0, label="not ranked")
