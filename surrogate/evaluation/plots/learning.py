"""Error against the number of training samples, and against what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surrogate.evaluation.learning_curves import LearningCurve
from surrogate.evaluation.plots.style import BASELINES, LINES, canvas, colors, tidy
from surrogate.evaluation.summary import Row


def learning(curves: Mapping[str, LearningCurve], rows: Sequence[Row] = ()) -> Figure:
    """Draw learning curves with their power laws; horizontal lines are the baselines among ``rows``."""
    costs = {name: _seconds(curve) for name, curve in curves.items()}
    known = all(np.isfinite(seconds).all() for seconds in costs.values())
    figure = canvas(10.0 if known else 6.0, 4.2)
    left, *right = figure.subplots(1, 2 if known else 1, squeeze=False, sharey=True)[0]
    for name, color in colors(list(curves)).items():
        _curve(left, curves[name], name, color)
        for axes in right:
            axes.loglog(costs[name], curves[name].means, "-o", color=color, ms=5)
    baselines = [row for row in rows if row.kind == "baseline" and np.isfinite(row.error)]
    for row, style in zip(baselines, LINES, strict=False):
        left.axhline(row.error, color=BASELINES, ls=style, lw=1.2, label=row.name)
    left.set(xlabel="training samples", ylabel="relative L2 error")
    if left.get_legend_handles_labels()[1]:
        left.legend(frameon=False, fontsize="small")
    tidy(left)
    for axes in right:
        axes.set_xlabel("seconds for data and training")
        tidy(axes)
    return figure


def _curve(axes: Axes, curve: LearningCurve, name: str, color: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for size, row in zip(curve.sizes, curve.errors, strict=True):
        axes.plot([size] * len(row), row, ls="", marker="o", mfc="none", color=color, ms=5)
    axes.plot(curve.sizes, curve.means, ls="", marker="o", color=color, ms=6, label=name or None)
    if curve.law is not None:
        sizes = np.geomspace(curve.sizes[0], curve.sizes[-1])
        label = f"{name} $n^{{-{curve.law.exponent:.2f}}}$ ({curve.law.low:.2f} to {curve.law.high:.2f})".strip()
        axes.plot(sizes, curve.law(sizes), color=color, lw=1.2, label=label)
        axes.fill_between(sizes, *curve.law.band(sizes), color=color, alpha=0.18, linewidth=0)


def _seconds(curve: LearningCurve) -> np.ndarray:
    """Return data and mean training seconds for each size, NaN where a part is not known."""
    training = [np.mean([np.nan if one is None else one for one in row]) for row in curve.training_seconds]
    data = [np.nan if one is None else one for one in curve.data_seconds]
    return np.array(data) + np.array(training)
