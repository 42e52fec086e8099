"""Colors and sizes that all figures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

#: Okabe & Ito's palette, told apart with every kind of color vision; the first is for the reference.
REFERENCE = "#000000"
SURROGATES = ("#D55E00", "#0072B2", "#CC79A7", "#009E73", "#E69F00", "#56B4E9")
SOLVERS = "#009E73"
BASELINES = "#777777"
#: Lines that tell the baselines apart.
LINES: tuple[Any, ...] = (":", "-.", "--", (0, (1, 4)))
DPI = 160


def canvas(width: float = 7.2, height: float = 4.2) -> Figure:
    """Return an empty figure in inches; no window, no global state."""
    return Figure(figsize=(width, height), layout="constrained", dpi=DPI)


def colors(names: Sequence[str]) -> dict[str, str]:
    """Return one color for each surrogate."""
    return {name: SURROGATES[number % len(SURROGATES)] for number, name in enumerate(names)}


def limits(values: np.ndarray) -> tuple[float, float, str]:
    """Return the range of colors and their map: symmetric about zero for values of both signs."""
    low, high = float(values.min()), float(values.max())
    if low < 0 < high and min(-low, high) > 0.05 * max(-low, high):
        bound = max(-low, high)
        return -bound, bound, "RdBu_r"
    return low, high, "viridis"


def tidy(axes: Axes) -> None:
    """Remove what carries no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, which="major", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)


def date_axis(axes: Axes) -> None:
    """Label a horizontal axis of dates shortly."""
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]  # matplotlib leaves it without types
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # the same
