"""Fields from elsewhere at the samples, points and times of a truth."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import torch
import xarray as xr

from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import require
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.point_sets import Places, dimension_of
from surrogate.datasets.samples.ragged import counts, select_samples
from surrogate.datasets.transfer.grid_maps import resample
from surrogate.evaluation.schedule import Schedule
from surrogate.evaluation.spectra import has_spectrum

# Discretizations of one initial state differ by less, different samples by more.
_SAME_START = 0.1
_TOUCHING = 1e-6


def align(
    fields: xr.Dataset, truth: xr.Dataset, names: Sequence[str], schedule: Schedule | None, *, of: str
) -> xr.Dataset:
    """Return ``names`` of ``fields`` for the samples, at the points and at the compared times of ``truth``.

    Raises
    ------
    InputError
        A field, a sample or a time is missing, points or initial states are others; the message calls the fields
        ``of``.
    """
    require(fields, names)
    mine = _of_samples(fields[list(names)].assign_coords(fields.coords), truth, of)
    if schedule is None:
        return _at_points(mine, truth, names, of).load()
    times = truth["time"].values.astype(np.float64)
    needed = times[[schedule.first, *schedule.frames]]
    mine = _at_times(mine, needed, of)
    mine = _at_points(mine, truth, names, of).load()
    if mine.sizes["time"] == len(needed):
        _check_start(mine, truth.isel(time=schedule.first), names, of)
    return mine.isel(time=slice(-schedule.count, None))


def _of_samples(fields: xr.Dataset, truth: xr.Dataset, of: str) -> xr.Dataset:
    """Return the samples with the labels of the truth where all are there, else all of them if they are as many."""
    if "sample" not in fields.dims:
        raise expected(f"samples in {of!r}", tuple(fields.dims), "Use fields.expand_dims('sample').")
    wanted = _labels(truth)
    places = {label: place for place, label in enumerate(_labels(fields))}
    if all(label in places for label in wanted):
        return select_samples(fields, [places[label] for label in wanted])
    if fields.sizes["sample"] != len(wanted):
        do = "Give the runs of these samples, labeled by the coordinate 'sample' or in their order."
        raise expected(f"the {len(wanted)} samples of the truth in {of!r}", fields.sizes["sample"], do)
    return fields


def _labels(fields: xr.Dataset) -> list[Hashable]:
    labels: list[Hashable] = fields["sample"].values.tolist()
    return labels


def _at_times(fields: xr.Dataset, needed: np.ndarray, of: str) -> xr.Dataset:
    """Return the frames at the times ``needed``, of which only the first, the start, may be missing."""
    if "time" not in fields.dims:
        raise expected(f"frames over 'time' in {of!r}", tuple(fields.dims), "Store the times.")
    stored = fields["time"].values.astype(np.float64)
    distance = np.abs(stored[:, None] - needed)
    there = distance.min(axis=0) < 1e-3 * np.diff(needed).min()
    if not there[1:].all():
        missing = needed[1:][~there[1:]][0]
        got = f"none at {missing:.6g} among {len(stored)} from {stored[0]:.6g} to {stored[-1]:.6g}"
        raise expected(f"frames at the times of the truth in {of!r}", got, "Store these frames, or compare fewer.")
    return fields.isel(time=distance.argmin(axis=0)[there])


def _at_points(fields: xr.Dataset, truth: xr.Dataset, names: Sequence[str], of: str) -> xr.Dataset:
    on_points = is_on_points(truth)
    if on_points != is_on_points(fields):
        want, got = ("points", "a grid") if on_points else ("a grid", "points")
        do = "Interpolate them (`surrogate.datasets.interpolation`)."
        raise expected(f"fields on {want} in {of!r}", f"on {got}", do)
    if on_points:
        _check_points(fields, truth, names, of)
        return fields
    grid, own = Grid.from_fields(truth), Grid.from_fields(fields)
    if own == grid:
        return fields
    same_box = own.dim == grid.dim and np.allclose(own.extent, grid.extent, rtol=0, atol=_TOUCHING * max(grid.lengths))
    if not same_box or own.is_periodic != grid.is_periodic:
        raise expected(f"fields on the box of {grid} in {of!r}", own, "Give runs on the same box and boundary.")
    if own.shape == grid.shape and own.location == grid.location and own.kinds == grid.kinds:
        return fields  # the kinds of its sides may be said in other words
    return resample(fields, grid, method="spectral" if has_spectrum(own) and has_spectrum(grid) else "linear")


def _check_points(fields: xr.Dataset, truth: xr.Dataset, names: Sequence[str], of: str) -> None:
    location = dimension_of(truth, names)
    mine, true = (Places(part).points(location, torch.float64) for part in (fields, truth))
    same = {dim: count.tolist() for dim, count in counts(fields).items()}
    if location in counts(truth):
        same_count = same.get(location) == counts(truth)[location].tolist()
    else:
        same_count = location not in same and fields.sizes[location] == truth.sizes[location]
    size = float(true.coordinates.abs().max())
    if not same_count or not torch.allclose(mine.coordinates, true.coordinates, rtol=0, atol=_TOUCHING * size):
        do = "Interpolate them to the points of the truth (`surrogate.datasets.interpolation`)."
        raise expected(f"the points of the truth in {of!r}", "others", do)


def _check_start(fields: xr.Dataset, start: xr.Dataset, names: Sequence[str], of: str) -> None:
    """Refuse runs of other samples: their initial states are far from those of the truth."""
    first = fields.isel(time=0)
    squares, sizes = np.zeros(start.sizes["sample"]), np.zeros(start.sizes["sample"])
    for name in names:
        true = start[name].values.astype(np.float64).reshape(len(sizes), -1)
        squares += np.square(first[name].values.reshape(true.shape) - true).sum(axis=1)
        sizes += np.square(true).sum(axis=1)
    apart = np.sqrt(squares / np.where(sizes > 0, sizes, 1.0))
    if apart.max() >= _SAME_START:
        got = f"states that differ by {apart.max():.0%} in sample {int(apart.argmax())}"
        raise expected(f"the initial states of the truth in {of!r}", got, "Give the same samples, labeled or in order.")
