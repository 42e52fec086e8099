"""Values of fields at points, as series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, check
from surrogate.datasets.grid import Grid


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
        ``u_0``, ``u_1``, ... for a field ``u``, in the order of the points. Fields without space are as they were.

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
    where = _inside(grid, points)
    result = xr.Dataset(attrs=dataset.attrs)
    for name, variable in dataset.data_vars.items():
        if not set(grid.names) & set(variable.dims):
            result[name] = variable
            continue
        values = _wrapped(variable, grid).interp(where)
        for number in range(values.sizes["point"]):
            at = {axis: float(points[axis][number]) for axis in grid.names}
            single = values.isel(point=number, drop=True).reset_coords(drop=True)
            text = ", ".join(f"{axis} = {value:g}" for axis, value in at.items())
            label = variable.attrs.get("long_name", name)
            result[f"{name}_{number}"] = single.assign_attrs(variable.attrs, long_name=f"{label} at {text}")
    return result


def _inside(grid: Grid, points: Mapping[str, Sequence[float]]) -> dict[str, xr.DataArray]:
    """Return the points within the range of the grid points (of periodic axes: with the first one again)."""
    if set(points) != set(grid.names) or len({len(values) for values in points.values()}) != 1:
        counts = {name: len(values) for name, values in points.items()}
        raise expected(f"equally many coordinates along each of {grid.names}", counts, "Correct `points`.")
    where = {}
    for name, (low, high), wraps, axis in zip(grid.names, grid.extent, grid.is_periodic, grid.axes, strict=True):
        values = np.asarray(points[name], dtype=np.float64)
        if wraps:
            values = axis[0] + (values - axis[0]) % (high - low)
        outside = np.maximum(low - values, values - high)
        if not np.all(outside <= 0) and not wraps:
            worst = int(np.nanargmax(outside))
            got = f"{name} = {values[worst]:g}, outside by {outside[worst]:.4g}"
            raise expected(f"points in [{low:g}, {high:g}] along {name}", got, "Move the point into the box.")
        where[name] = xr.DataArray(values if wraps else values.clip(axis[0], axis[-1]), dims="point")
    return where


def _wrapped(variable: xr.DataArray, grid: Grid) -> xr.DataArray:
    """Return the field with the first point of each periodic axis once more at its end."""
    for name, (low, high), wraps in zip(grid.names, grid.extent, grid.is_periodic, strict=True):
        if wraps:
            first = variable.isel({name: [0]})
            again = first.assign_coords({name: first[name] + (high - low)})
            variable = xr.concat([variable, again], dim=name, combine_attrs="override")
    return variable
