"""How errors grow with lead time."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surrogate.evaluation.plots.rivals import rival, surrogates
from surrogate.evaluation.plots.style import BASELINES, SOLVERS, canvas, colors, tidy
from surrogate.evaluation.reference import MARGIN
from surrogate.evaluation.report import Comparison


def error_over_time(comparison: Comparison) -> Figure:
    """Draw the median relative L2 error over samples and the band from the 10 % to the 90 % quantile."""
    figure = canvas()
    axes = figure.subplots()
    for name, color in colors(surrogates(comparison)).items():
        _line(axes, comparison, name, color, name, "-")
    solver = rival(comparison)
    if solver is not None:
        _line(axes, comparison, solver, SOLVERS, f"solver: {solver}", "--")
    baselines = [row.name for row in comparison.rows if row.kind == "baseline"]
    for name, style in zip(baselines, (":", "-."), strict=False):
        _line(axes, comparison, name, BASELINES, name, style)
    if "floor" in comparison.scores:
        floor = MARGIN * comparison.scores["floor"].values
        times = comparison.scores["time"].values
        axes.fill_between(times, floor, floor * 1e-30, color="0.93", linewidth=0, label="below: not ranked")
        shown = [line.get_ydata() for line in axes.lines]
        lowest = min(float(np.min(np.asarray(values)[np.asarray(values) > 0], initial=np.inf)) for values in shown)
        axes.set_ylim(bottom=max(min(lowest, floor.max()) / 3, 1e-16))
    axes.set_yscale("log")
    axes.set(xlabel="time since the start", ylabel="relative L2 error")
    axes.legend(frameon=False, fontsize="small", ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    tidy(axes)
    return figure


def _line(axes: Axes, comparison: Comparison, name: str, color: str, label: str, style: str) -> None:
    error = comparison.scores["relative_l2"].sel(member=name).mean("field")
    low, middle, high = np.quantile(error.values, [0.1, 0.5, 0.9], axis=0, method="inverted_cdf")
    times = error["time"].values
    axes.plot(times, middle, style, color=color, label=label, marker="o" if len(times) == 1 else None)
    axes.fill_between(times, low, high, where=np.isfinite(high), color=color, alpha=0.18, linewidth=0)
