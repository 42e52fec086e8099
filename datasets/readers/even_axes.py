"""Grids from the points that files store in single precision."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.axes import describe_steps
from surrogate.datasets.grids.grid import Grid, Sides

_DIGITS = 6  # what single precision holds


def is_even(points: np.ndarray) -> bool:
    """Return whether points increase by equal steps, within the digits of single precision."""
    even = np.linspace(points[0], points[-1], len(points))
    step = (points[-1] - points[0]) / max(len(points) - 1, 1)
    return bool(step > 0 and np.abs(points - even).max() <= 0.01 * step + 1e-6 * np.abs(points).max())


def rounded_ends(points: np.ndarray, before: float, after: float) -> tuple[float, float]:
    """Return the ends so many steps beyond the first and the last point, to the digits of single precision."""
    step = (points[-1] - points[0]) / (len(points) - 1)
    digits = _DIGITS - int(np.ceil(np.log10(np.abs(points).max() + step)))
    return round(float(points[0] - before * step), digits), round(float(points[-1] + after * step), digits)


def cell_grid(centers: Mapping[str, np.ndarray], sides: Mapping[str, Sides]) -> Grid:
    """Return the grid of equal cells with these centers.

    Raises
    ------
    InputError
        Centers that are not equally spaced.
    """
    for axis, points in centers.items():
        if len(points) < 2 or not is_even(points):
            got = f"{len(points)} points" if len(points) < 2 else describe_steps(points)
            raise expected(f"equally spaced, increasing points along {axis}", got, "Correct the coordinate.")
    return Grid(
        shape=tuple(len(points) for points in centers.values()),
        extent=tuple(rounded_ends(points, 0.5, 0.5) for points in centers.values()),
        boundary=tuple(sides[axis] for axis in centers),
        location="cell",
    )
