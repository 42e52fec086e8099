"""Known values on the sides of a grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import field_names, n_samples, samples_of
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.words import some
from surrogate.datasets.grids.grid import AXES, Grid

_ROUND_OFF = 1e-5  # of the largest value: a hundred times the round-off of single precision


def dirichlet_sides(fields: xr.Dataset) -> Iterator[Finding]:
    """Find fields that are not at their ``boundary_value`` on Dirichlet sides."""
    if not any(axis in fields.dims for axis in AXES):
        raise NotApplicable("no grid")
    grid = Grid.from_fields(fields)
    stated = [name for name in field_names(fields) if "boundary_value" in fields[name].attrs]
    if not _ends(grid) or not stated:
        raise NotApplicable("no field states a boundary_value, or no nodes lie on Dirichlet sides")
    for name in stated:
        yield from off_sides(fields, name, grid, float(fields[name].attrs["boundary_value"]))


def off_sides(fields: xr.Dataset, name: str, grid: Grid, value: float) -> Iterator[Finding]:
    """Find samples in which a field is not at ``value`` on the Dirichlet sides of ``grid``."""
    dims = [dim for dim in fields[name].dims if dim != "sample"]
    off: dict[tuple[str, int], dict[int, float]] = {side: {} for side in _ends(grid) if side[0] in dims}
    for sample, _, values in samples_of(fields, name):
        allowed = _ROUND_OFF * float(np.abs(values).max())
        for (axis, end), errors in off.items():
            error = float(np.abs(np.take(values, end, axis=dims.index(axis)) - value).max())
            if error > allowed:
                errors[sample] = max(error, errors.get(sample, 0.0))
    wrong = {
        f"the {'last' if end else 'first'} point of {axis!r}": errors for (axis, end), errors in off.items() if errors
    }
    if wrong:
        samples = sorted(set().union(*wrong.values()))
        places = ", ".join(f"{side} by up to {max(errors.values()):.3g}" for side, errors in wrong.items())
        message = f"is off its value {value:.6g} at {places} in {some(samples, n_samples(fields))}"
        cure = "Correct the value, the boundary or the points of the axis (cells have none on it), or repair the data."
        yield Finding("error", message, cure, name, tuple(samples))


def _ends(grid: Grid) -> list[tuple[str, int]]:
    """Return axis and end of each Dirichlet side on which there are nodes."""
    sides = [
        (axis, end, side)
        for axis, pair in zip(grid.names, grid.boundary, strict=True)
        for end, side in zip((0, -1), pair, strict=True)
    ]
    return [(axis, end) for axis, end, side in sides if side == "dirichlet" and grid.location == "node"]
