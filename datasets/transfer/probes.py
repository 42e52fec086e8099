"""Values of fields at points, as series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, check
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.transfer.grid_weights import multilinear


def probe(fields: Fields, points: Mapping[str, Sequence[float]]) -> xr.Dataset:
    """Return the values at points, over sample and time, interpolated linearly between grid points.

    Parameters
    ----------
    fields
        Fields over space.
    points
        Coordinates of the points along each axis, such as ``{"x": [0.2, 0.5], "y": [0.1, 0.1]}``: as many along each.
        Along periodic axes any number; beyond the last cell center of a closed axis the value goes on constantly.

    Returns
    -------
    xarray.Dataset
        ``u_0``, ``u_1``, ... for a field ``u``, in the order of the points; a field over some of the axes is
        interpolated along these. Fields without space are as they were.

    Raises
    ------
    InputError
        Axes that lack or are unknown, or a point outside the box; tells how far.

    Examples
    --------
    >>> import surrogate as sg
    >>> fields = sg.generate(sg.cases.Burgers(resolution=32, steps=2), samples=1, seed=0, progress=False)
    >>> dict(sg.datasets.probe(fields[["u"]], {"x": [0.25, 0.3]}).sizes)
    {'sample': 1, 'time': 3}
    """
    dataset = check(as_dataset(fields), values=False)
    grid = Grid.from_fields(dataset)
    nodes, weights, _ = multilinear(grid, _queries(grid, points))
    index = dict(zip(grid.names, np.unravel_index(nodes, grid.shape), strict=True))
    result = dataset.drop_dims(grid.names)
    for name, variable in dataset.data_vars.items():
        along = [axis for axis in grid.names if axis in variable.dims]
        if not along:
            continue
        around: tuple[Any, ...] = (..., *(index[axis] for axis in along))
        values = (variable.values[around] * weights).sum(-1)
        dims = tuple(dim for dim in variable.dims if dim not in along)
        label = variable.attrs.get("long_name", name)
        for number in range(values.shape[-1]):
            text = ", ".join(f"{axis} = {float(points[axis][number]):g}" for axis in grid.names)
            attrs = {**variable.attrs, "long_name": f"{label} at {text}"}
            result[f"{name}_{number}"] = (dims, values[..., number], attrs)
    return result


def _queries(grid: Grid, points: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Return the points as an array ``(P, d)``."""
    if set(points) != set(grid.names) or len({len(values) for values in points.values()}) != 1:
        counts = {name: len(values) for name, values in points.items()}
        raise expected(f"equally many coordinates along each of {grid.names}", counts, "Correct `points`.")
    queries = np.column_stack([np.asarray(points[name], dtype=np.float64) for name in grid.names])
    for name, (low, high), wraps, values in zip(grid.names, grid.extent, grid.is_periodic, queries.T, strict=True):
        outside = np.where(np.isfinite(values), 0.0 if wraps else np.maximum(low - values, values - high), np.inf)
        if (outside > 0).any():
            worst = int(outside.argmax())
            got = f"{name} = {values[worst]:g}, outside by {outside[worst]:.4g}"
            raise expected(f"points in [{low:g}, {high:g}] along {name}", got, "Move the point into the box.")
    return queries
