"""Known values on the sides of a grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import field_names, n_samples, samples_of
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.words import some
from surrogate.datasets.grids.grid import AXES, Grid

_ROUND_OFF = 1e-5  # of the largest value: a few digits of single precision


def dirichlet_sides(fields: xr.Dataset) -> Iterator[Finding]:
    """Find fields that are not at their ``boundary_value`` on Dirichlet sides."""
    if not any(axis in fields.dims for axis in AXES):
        raise NotApplicable("no grid")
    grid = Grid.from_fields(fields)
    ends = [
        (axis, end)
        for axis, sides in zip(grid.names, grid.boundary, strict=True)
        for end, side in zip((0, -1), sides, strict=True)
        if side == "dirichlet"
    ]
    stated = [name for name in field_names(fields) if "boundary_value" in fields[name].attrs]
    if not ends or not stated or grid.location != "node":
        raise NotApplicable("no field states a boundary_value, or no nodes lie on Dirichlet sides")
    for name in stated:
        value = float(fields[name].attrs["boundary_value"])
        for axis, end in (pair for pair in ends if pair[0] in fields[name].dims):
            number = [dim for dim in fields[name].dims if dim != "sample"].index(axis)
            off: dict[int, float] = {}
            for sample, _, values in samples_of(fields, name):
                error = float(np.abs(np.take(values, end, axis=number) - value).max())
                if error > _ROUND_OFF * max(1e-30, float(np.abs(values).max())):
                    off[sample] = max(error, off.get(sample, 0.0))
            if off:
                side = f"the {'first' if end == 0 else 'last'} point of {axis!r}"
                where = some([*off], n_samples(fields))
                message = f"is off its value {value:.6g} at {side} by up to {max(off.values()):.3g} in {where}"
                cure = "Correct the attribute boundary_value or the boundary of the axis, or repair the data."
                yield Finding("error", message, cure, name, tuple(off))
