"""Periodic axes: fields that jump across their sides, and points that are there twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import chosen_samples, field_names, samples_of
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.datasets.samples.ragged import select_samples

# Of the largest difference of neighbors on the same line: across the sides of a periodic field it is at most that.
_JUMP = 2.0
# Of the usual difference of neighbors: far below any that is not zero, far above round-off.
_SAME = 1e-3
_SAMPLES = 64


@dataclass(frozen=True)
class Ends:
    """Root mean squares over lines along an axis: jump from end to start, usual and largest difference of neighbors.

    ``vary`` tells whether the value at the start differs from line to line.
    """

    jump: float
    usual: float
    largest: float
    vary: bool


def periodic_sides(fields: xr.Dataset) -> Iterator[Finding]:
    """Find periodic axes across whose sides fields jump, and axes whose last point is the first again."""
    if not any(axis in fields.dims for axis in AXES):
        raise NotApplicable("no grid")
    grid = Grid.from_fields(fields)
    chosen = select_samples(fields, chosen_samples(fields, _SAMPLES)) if "sample" in fields.dims else fields
    for axis, wraps in zip(grid.names, grid.is_periodic, strict=True):
        ends = {name: _ends(chosen, name, axis) for name in field_names(fields) if axis in fields[name].dims}
        varying = {name: found for name, found in ends.items() if found.usual > 0}
        if any(found.vary for found in varying.values()) and all(f.jump <= _SAME * f.usual for f in varying.values()):
            yield _repeated(axis, wraps)
            continue
        for name, found in varying.items() if wraps else ():
            if found.jump > _JUMP * found.largest:
                message = f"jumps by {found.jump:.3g} across the periodic sides of {axis!r}"
                than = f"neighbors differ by {found.usual:.3g} as a rule and by {found.largest:.3g} at most"
                cure = f"State the true boundary of {axis!r}: solvers, spectra and networks take it at its word."
                yield Finding("error", f"{message}, where {than}", cure, name)


def _repeated(axis: str, wraps: bool) -> Finding:
    what = "values at the last point are those at the first"
    if wraps:
        cure = f"Leave the point out (fields.isel({axis}=slice(-1))) and keep the extent of the axis."
        return Finding("error", f"{what}, though the axis is periodic: its period is one spacing shorter", cure, axis)
    cure = 'If the axis is periodic, say so: open_dataset(..., grid={"periodic": True}) leaves the point out.'
    return Finding("note", what, cure, axis)


def _ends(fields: xr.Dataset, name: str, axis: str) -> Ends:
    squares, firsts, lines = np.zeros(3), [np.inf, -np.inf], 0
    dims = [dim for dim in fields[name].dims if dim != "sample"]
    for _, _, values in samples_of(fields, name):
        u = np.moveaxis(values, dims.index(axis), -1).reshape(-1, fields.sizes[axis]).astype(np.float64)
        u = u[np.isfinite(u).all(axis=1)]
        if not len(u):
            continue
        steps = np.square(np.diff(u, axis=1))
        squares += np.square(u[:, 0] - u[:, -1]).sum(), steps.mean(axis=1).sum(), steps.max(axis=1).sum()
        firsts = [min(firsts[0], u[:, 0].min()), max(firsts[1], u[:, 0].max())]
        lines += len(u)
    jump, usual, largest = np.sqrt(squares / max(1, lines))
    return Ends(float(jump), float(usual), float(largest), bool(np.ptp(firsts) > usual))
