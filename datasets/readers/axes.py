"""Coordinates for arrays, from the vectors beside them in the file or as the caller says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid

GridChoice = Grid | Mapping[str, Any]
Vectors = Mapping[str, np.ndarray]
Variables = dict[str, xr.Variable]


def space_axes(
    variables: Variables, space: tuple[str, ...], vectors: Vectors, grid: GridChoice | None
) -> tuple[Variables, Variables]:
    """Return the variables and the coordinates of space.

    Vectors give the points; ``grid``, a `Grid` or its arguments other than the shape, the kind of boundary, and the
    points where there are no vectors. A periodic axis on which all values at the end repeat those at the start loses
    its last point.

    Raises
    ------
    InputError
        A `Grid` of another shape, or arguments that make none.
    """
    sizes = {axis: size for variable in variables.values() for axis, size in variable.sizes.items()}
    known = {axis: vectors[axis].astype(np.float64) for axis in space if axis in vectors}
    if isinstance(grid, Grid):
        shape = tuple(sizes[axis] for axis in space)
        if grid.shape != shape:
            raise expected(f"a grid of shape {shape}", grid.shape, "Pass a matching `grid`.")
        return variables, _coordinates(grid, known)
    options = dict(grid or {})
    plain = Grid(shape=tuple(sizes[axis] for axis in space), **options)
    for axis, wraps in zip(space, plain.is_periodic, strict=True):
        if axis in known and wraps and plain.location == "node" and _repeats(variables, axis):
            known[axis] = known[axis][:-1]
            variables = {k: v.isel({axis: slice(-1)}) if axis in v.dims else v for k, v in variables.items()}
            sizes[axis] -= 1
    if known and "extent" not in options:
        options["extent"] = tuple(
            _extent(known[axis], plain, number) if axis in known else plain.extent[number]
            for number, axis in enumerate(space)
        )
    return variables, _coordinates(Grid(shape=tuple(sizes[axis] for axis in space), **options), known)


def time_axis(size: int | None, vector: np.ndarray | None, times: Sequence[float] | None, source: str) -> Variables:
    """Return the coordinate ``time`` for ``size`` frames, if there are any.

    Raises
    ------
    InputError
        Times without frames, or that are not as many; times both in the file and given.
    """
    if times is not None and (size is None or vector is not None):
        got = "no time axis" if size is None else "its own times"
        raise expected(f"frames without times in {source}", got, "Leave `times` out.")
    if size is None:
        return {}
    if vector is not None:
        values = vector.astype(np.float64)
    elif times is None:
        values = np.arange(1.0, size + 1)
    elif len(times) in (2, size):
        values = np.linspace(times[0], times[1], size) if len(times) == 2 else np.asarray(times, dtype=np.float64)
    else:
        raise expected(f"the first and the last of {size} times for {source}, or all", len(times), "Correct `times`.")
    return {"time": xr.Variable(("time",), values, {"units": "1", "long_name": "time"})}


def _coordinates(grid: Grid, known: Vectors) -> Variables:
    return {
        axis: variable.copy(data=known[axis]) if axis in known else variable
        for axis, variable in grid.coordinates().items()
    }


def _repeats(variables: Variables, axis: str) -> bool:
    """Tell whether all values at the end of an axis equal those at its start, to half the digits."""
    over = [variable for variable in variables.values() if axis in variable.dims]
    for variable in over:
        values = np.moveaxis(variable.values, variable.get_axis_num(axis), 0)
        tolerance = np.sqrt(np.finfo(values.dtype).eps) * np.abs(values).max()
        if not np.allclose(values[0], values[-1], rtol=0, atol=tolerance):
            return False
    return bool(over)


def _extent(points: np.ndarray, grid: Grid, number: int) -> tuple[float, float]:
    """Return the ends of an axis with these points, of the kind that ``grid`` has."""
    first, last = float(points[0]), float(points[-1])
    step = (last - first) / (len(points) - 1)
    if grid.location == "cell":
        return first - step / 2, last + step / 2
    return first, last + step * grid.is_periodic[number]
