"""How errors grow with lead time."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surrogate.evaluation.plots.rivals import rival, surrogates
from surrogate.evaluation.plots.style import BASELINES, LINES, SOLVERS, canvas, colors, tidy
from surrogate.evaluation.reference import MARGIN
from surrogate.evaluation.report import Comparison


def error_over_time(comparison: Comparison) -> Figure:
    """Draw the median relative L2 error over samples and seeds, and the band from the 10 % to the 90 % quantile."""
    figure = canvas()
    axes = figure.subplots()
    for name, color in colors(surrogates(comparison)).items():
        _line(axes, comparison, name, color, name, "-")
    solver = rival(comparison)
    if solver is not None:
        _line(axes, comparison, solver, SOLVERS, f"solver: {solver}", "--")
    baselines = [row.name for row in comparison.rows if row.kind == "baseline"]
    for name, style in zip(baselines, itertools.cycle(LINES)):
        _line(axes, comparison, name, BASELINES, name, style, band=False)
    if "floor" in comparison.scores:
        _floor(axes, comparison)
    axes.set_yscale("log")
    axes.set(xlabel="time since the start", ylabel="relative L2 error")
    axes.legend(frameon=False, fontsize="small", ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    tidy(axes)
    return figure


def _floor(axes: Axes, comparison: Comparison) -> None:
    """Shade what is not ranked, if a line comes within two decades of it."""
    top, times = MARGIN * comparison.scores["floor"].values, comparison.scores["time"].values
    heights = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines])
    lowest = heights[heights > 0].min(initial=np.inf)
    if lowest < 100 * top.max():
        bottom = min(lowest, top.min()) / 3
        axes.fill_between(times, top, bottom, color="0.92", linewidth=0, label="not ranked")
        axes.set_ylim(bottom=bottom)


def _line(
    axes: Axes, comparison: Comparison, name: str, color: str, label: str, style: Any, *, band: bool = True
) -> None:
    scores = comparison.seed_scores[name] if name in comparison.seed_scores else comparison.scores.sel(member=name)
    error = scores["relative_l2"].mean("field").transpose(..., "time")
    rollouts = error.values.reshape(-1, error.sizes["time"])
    low, middle, high = np.quantile(rollouts, [0.1, 0.5, 0.9], axis=0, method="inverted_cdf")
    times = error["time"].values
    axes.plot(times, middle, ls=style, color=color, label=label, marker="o" if len(times) == 1 else None)
    if band:
        axes.fill_between(times, low, high, where=np.isfinite(high), color=color, alpha=0.18, linewidth=0)
