"""When the surrogate has paid for itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surrogate.evaluation.plots.rivals import surrogates
from surrogate.evaluation.plots.style import SOLVERS, canvas, colors, tidy
from surrogate.evaluation.report import Comparison
from surrogate.evaluation.verdicts import MODES, Verdict


def with_lines(comparison: Comparison) -> list[Verdict]:
    """Return the verdicts on the first device whose investment and solver of equal error are known."""
    here = [verdict for verdict in comparison.verdicts if verdict.device == comparison.devices[0]]
    return [v for v in here if v.investment.total is not None and v.match is not None and v.match.matched_cost]


def payback(comparison: Comparison) -> Figure:
    """Draw total seconds against the number of samples: surrogates with data and training, and their solvers."""
    figure = canvas(10.0, 4.2)
    palette = colors(surrogates(comparison))
    for axes, mode in zip(figure.subplots(1, 2, sharey=True), MODES, strict=True):
        verdicts = [verdict for verdict in with_lines(comparison) if verdict.mode == mode]
        samples = np.geomspace(1, _far(verdicts))
        for verdict in verdicts:
            _lines(axes, verdict, samples, palette[verdict.name])
        axes.set(xscale="log", yscale="log", xlabel="number of samples")
        axes.set_title(MODES[mode], fontsize="medium")
        tidy(axes)
    figure.axes[0].set_ylabel("seconds in all")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure


def _lines(axes: Axes, verdict: Verdict, samples: np.ndarray, color: str) -> None:
    assert verdict.match is not None
    assert verdict.match.matched_cost is not None
    assert verdict.cost is not None
    spent = verdict.investment.total or 0.0
    axes.plot(samples, spent + samples * verdict.cost, color=color, label=f"{verdict.name} with data and training")
    label = f"solver as accurate as {verdict.name}"
    axes.plot(samples, samples * verdict.match.matched_cost, color=SOLVERS, ls="--", label=label)
    paid = verdict.break_even_samples
    if paid is not None and 1 <= paid < math.inf:
        axes.plot(paid, paid * verdict.match.matched_cost, marker="o", color=color, ms=7)
        axes.annotate(f"{paid:,.0f}", (paid, paid * verdict.match.matched_cost), (6, -12), textcoords="offset points")


def _far(verdicts: Sequence[Verdict]) -> float:
    """Return how many samples to show: ten times the last break-even, or what the dearest investment would pay for."""
    paid = [v.break_even_samples for v in verdicts if v.break_even_samples and math.isfinite(v.break_even_samples)]
    spent = [(v.investment.total or 0.0) / v.cost for v in verdicts if v.cost]
    return 10 * max([*paid, *spent, 10.0])
