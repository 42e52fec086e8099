"""What the attributes of a coordinate say of its axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.axes import CHEBYSHEV, POINTS, TANH, UNIFORM, Axis, describe_steps, kind_of


def axis_attributes(axis: Axis, sides: tuple[str, str]) -> dict[str, Any]:
    """Return the attributes from which the axis is read back."""
    attributes: dict[str, Any] = {
        "axis": axis.name.upper(),
        "extent": [axis.low, axis.high],
        "boundary": list(sides),
        "location": axis.location,
    }
    kind = kind_of(axis.stretching)
    if kind != UNIFORM:
        attributes["stretching"] = kind
    if kind == TANH:
        attributes["strength"] = axis.stretching[1]
    if kind == POINTS and axis.location == "cell":
        attributes["edges"] = list(axis.stretching)
    return attributes


def read_extent(axis: xr.DataArray) -> tuple[float, float]:
    """Return the extent that a coordinate names, else that of its points."""
    if "extent" in axis.attrs:
        low, high = axis.attrs["extent"]
        return float(low), float(high)
    values = axis.values
    if len(values) < 2:
        do = "Keep more of them, or none (fields.squeeze)."
        raise expected(f"at least 2 points along {axis.name}", len(values), do)
    if not np.all(np.diff(values) > 0):
        do = "Sort the data along it (fields.sortby)."
        raise expected(f"an increasing axis {axis.name!r}", describe_steps(values), do)
    return float(values[0]), float(values[-1])


def read_stretching(axis: xr.DataArray) -> Any:
    """Return the stretching that a coordinate names, else the points where these are not equally spaced."""
    values = axis.values
    if "stretching" not in axis.attrs and "extent" not in axis.attrs:
        even = np.linspace(values[0], values[-1], len(values))
        return UNIFORM if np.allclose(values, even, rtol=0, atol=_tolerance(values)) else values
    kind = axis.attrs.get("stretching", UNIFORM)
    if kind == POINTS:
        if axis.attrs.get("location") != "cell":
            return values
        if "edges" in axis.attrs:
            return axis.attrs["edges"]
        raise expected(f"the edges of the cells along {axis.name!r}", "none", "Add the attribute 'edges'.")
    if kind == TANH:
        return TANH, axis.attrs.get("strength", np.nan)
    if kind in (UNIFORM, CHEBYSHEV):
        return str(kind)
    known = ", ".join((UNIFORM, CHEBYSHEV, TANH, POINTS))
    raise expected(f"an attribute stretching of {axis.name!r} out of {known}", repr(kind), "Correct it.")


def check_points(axis: xr.DataArray, points: np.ndarray) -> None:
    """Raise `InputError` unless the coordinate holds these points, in double or single precision."""
    values = axis.values
    tolerance = _tolerance(values)
    if np.allclose(values, points, rtol=0, atol=tolerance):
        return
    even = np.allclose(np.diff(values), np.diff(values).mean(), rtol=0, atol=2 * tolerance)
    if "stretching" in axis.attrs or ("extent" in axis.attrs and even):
        got = f"points from {values[0]:.6g} to {values[-1]:.6g} on {[float(end) for end in read_extent(axis)]}"
        do = "Part of an axis is no grid of the whole: correct its attributes extent, boundary, location, stretching."
        raise expected(f"the points of axis {axis.name!r} where its attributes say", got, do)
    do = "Interpolate the data to equally spaced points (fields.interp), or remove its attributes."
    raise expected(f"a uniform, increasing axis {axis.name!r}", describe_steps(values), do)


def _tolerance(values: np.ndarray) -> float:
    """Return how far a point may be off; the second term is what single precision needs."""
    span = abs(float(values[-1]) - float(values[0]))
    return float(1e-5 * span / (len(values) - 1) + 2 * np.spacing(np.abs(values).max()))
