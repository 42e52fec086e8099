"""All figures of a comparison, drawn."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from surrogate.evaluation.plots.cost_accuracy import cost_accuracy
from surrogate.evaluation.plots.error_over_time import error_over_time
from surrogate.evaluation.plots.learning import learning
from surrogate.evaluation.plots.panels import panels
from surrogate.evaluation.plots.payback import payback, with_lines
from surrogate.evaluation.plots.spectra import spectra
from surrogate.evaluation.report import Comparison


@dataclass(frozen=True)
class Drawn:
    """A figure as PNG, with its file name (without suffix) and its caption."""

    name: str
    caption: str
    png: bytes


def figures(comparison: Comparison) -> list[Drawn]:
    """Draw all figures that the comparison has data for."""
    plots: list[tuple[Callable[[Comparison], Figure], str]] = [
        (
            cost_accuracy,
            "Error against time per sample. Down and to the left is better. The line joins the best solvers; "
            "vertical bars are 95 % bootstrap intervals over samples, horizontal ones quartiles over repeats.",
        ),
    ]
    if comparison.scores.sizes["time"] > 1:
        plots.append(
            (
                error_over_time,
                "Error over time: median over samples and seeds, bands from the 10 % to the 90 % quantile.",
            )
        )
    plots.append((panels, "One sample: that on which the first candidate has its median error."))
    if "reference_spectrum" in comparison.scores:
        plots.append((spectra, "Energy spectrum at the last time, mean over samples."))
    if with_lines(comparison):
        plots.append(
            (
                payback,
                "Seconds in all against the number of samples: a surrogate has paid for itself at the crossing.",
            )
        )
    if comparison.learning_curves:
        plots.append((_learning, "Error against the number of training samples: each seed, their mean, the power law."))
    return [Drawn(draw.__name__.removeprefix("_"), caption, _png(draw(comparison))) for draw, caption in plots]


def _learning(comparison: Comparison) -> Figure:
    return learning(comparison.learning_curves, comparison.rows)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
