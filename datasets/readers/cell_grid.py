"""Grids of cells from the points that files store in single precision."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from surrogate.datasets.axes import describe_steps
from surrogate.datasets.errors import expected
from surrogate.datasets.grid import Grid, Sides

_DIGITS = 6  # what single precision holds


def cell_grid(centers: Mapping[str, np.ndarray], sides: Mapping[str, Sides]) -> Grid:
    """Return the grid of equal cells with these centers, its ends rounded to what single precision holds.

    Raises
    ------
    InputError
        Centers that are not equally spaced, within the digits of single precision.
    """
    extent = []
    for axis, points in centers.items():
        step = (points[-1] - points[0]) / max(len(points) - 1, 1)
        even = np.linspace(points[0], points[-1], len(points))
        if len(points) < 2 or step <= 0 or np.abs(points - even).max() > 0.01 * step + 1e-6 * np.abs(points).max():
            got = f"{len(points)} points" if len(points) < 2 else describe_steps(points)
            raise expected(f"equally spaced, increasing points along {axis}", got, "Correct the coordinate.")
        digits = _DIGITS - int(np.ceil(np.log10(np.abs(points).max() + step)))
        extent.append((round(float(points[0] - step / 2), digits), round(float(points[-1] + step / 2), digits)))
    return Grid(
        shape=tuple(len(points) for points in centers.values()),
        extent=tuple(extent),
        boundary=tuple(sides[axis] for axis in centers),
        location="cell",
    )
