"""Periodic axes: fields that jump across their sides, and points that are there twice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import chosen_samples, field_names, samples_of
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.datasets.samples.ragged import select_samples

# Of the largest difference of neighbors on the same line: a periodic field has one across the sides that is no
# larger as a rule, and by chance the largest of all.
_JUMP = 2.0
# Of the usual difference of neighbors: far below any that is not zero, far above round-off.
_SAME = 1e-3
# Wrong points are so in every sample and frame; a few of the solution are enough to tell.
_SAMPLES, _FRAMES = 16, 16


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
    every = {name: _ends(chosen, name, grid.names) for name in field_names(fields)}
    for axis, wraps in zip(grid.names, grid.is_periodic, strict=True):
        ends = {name: found[axis] for name, found in every.items() if axis in found}
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


def _ends(fields: xr.Dataset, name: str, axes: Sequence[str]) -> dict[str, Ends]:
    """Return what is at the ends of each of the axes that a field has."""
    dims = [dim for dim in fields[name].dims if dim != "sample"]
    sums: dict[str, list[np.ndarray]] = {axis: [] for axis in axes if axis in dims}
    for _, _, values in samples_of(fields, name):
        frames = values[:: math.ceil(len(values) / _FRAMES)] if "time" in dims else values
        for axis, rows in sums.items():
            lines = np.moveaxis(frames, dims.index(axis), -1).reshape(-1, fields.sizes[axis]).astype(np.float64)
            rows.append(_sums(lines[np.isfinite(lines).all(axis=1)]))
    return {axis: _of_sums(np.array(rows)) for axis, rows in sums.items()}


def _sums(lines: np.ndarray) -> np.ndarray:
    """Return sums over lines of the squares in `Ends`, how many there are, and the range of the first values."""
    steps, first = np.square(np.diff(lines, axis=1)), lines[:, 0]
    squares = np.square(first - lines[:, -1]).sum(), steps.mean(axis=1).sum(), steps.max(axis=1).sum()
    return np.array([*squares, len(lines), first.min(initial=np.inf), first.max(initial=-np.inf)])


def _of_sums(rows: np.ndarray) -> Ends:
    *squares, count = rows[:, :4].sum(axis=0)
    jump, usual, largest = np.sqrt(np.array(squares) / max(1.0, count)).tolist()
    return Ends(jump, usual, largest, vary=bool(rows[:, 5].max() - rows[:, 4].min() > usual))
