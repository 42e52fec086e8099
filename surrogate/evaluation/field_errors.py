"""The error of one set of fields against another, as a user asks for it."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, require
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.datasets.samples.point_sets import Places, dimension_of
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.evaluation.metrics import relative_l2
from surrogate.evaluation.point_scores import PointTarget


def relative_error(prediction: Fields, truth: Fields) -> xr.DataArray:
    r"""Return :math:`\lVert p - t \rVert_2 / \lVert t \rVert_2` over space, jointly over the fields of ``prediction``.

    On grids all points count the same, on stretched axes as their quadrature weights; on meshes, too, as these.

    Parameters
    ----------
    prediction
        What `surrogate.predict` or `surrogate.rollout` returned.
    truth
        Fields of the same samples on the same grid. Where ``prediction`` has times, the frames at these times are used.

    Returns
    -------
    xarray.DataArray
        Relative errors over ``sample`` (and ``time``).

    Raises
    ------
    InputError
        A field, a sample, a grid point or a time is missing on one side.
    """
    guess, target = as_dataset(prediction), as_dataset(truth)
    names = [str(name) for name in guess.data_vars]
    require(target, names)
    if is_on_points(guess) and "time" not in guess.dims:
        return _error(_on_meshes(guess, target, tuple(names)), guess, ("sample",))
    target = target[names]
    if "time" in guess.dims:
        target = at_times(target, guess["time"].values)
    if dict(guess.sizes) != dict(target.sizes):
        raise expected(
            f"truth of sizes {dict(guess.sizes)}", dict(target.sizes), "Compare on the same grid and samples."
        )
    has_time = "time" in guess.dims
    pair = (to_tensor(fields, names, torch.float64) for fields in (guess, target))
    guessed, true = (frames if has_time else frames.unsqueeze(1) for frames in pair)
    grid = Grid.from_fields(target) if any(axis in target.dims for axis in AXES) else None
    values = relative_l2(guessed, true, grid, over=("channel",))
    dims = ("sample", "time") if has_time else ("sample",)
    return _error((values if has_time else values[:, 0]).numpy(), guess, dims)


def _on_meshes(guess: xr.Dataset, target: xr.Dataset, names: tuple[str, ...]) -> np.ndarray:
    location = dimension_of(guess, names)
    goal, points = PointTarget.from_fields(target, names, location), Places(guess).points(location, torch.float64)
    if not all(torch.equal(a, b) for a, b in zip(points[:2], goal.points[:2], strict=True)):
        raise expected("truth at the points of the prediction", "other points", "Compare on the same meshes.")
    errors: np.ndarray = goal.score(guess)["joint_l2"].values[:, 0]
    return errors


def _error(values: np.ndarray, guess: xr.Dataset, dims: tuple[str, ...]) -> xr.DataArray:
    coords = {dim: guess[dim] for dim in dims if dim in guess.coords}
    attrs = {"units": "1", "long_name": "relative L2 error"}
    return xr.DataArray(values, coords, dims, "relative_error", attrs)


def at_times(truth: xr.Dataset, times: np.ndarray) -> xr.Dataset:
    """Return the frames of ``truth`` at ``times``; raise `InputError` if one is missing."""
    stored = truth["time"].values
    nearest = np.abs(stored[:, None] - times).argmin(axis=0)
    if not np.allclose(stored[nearest], times, rtol=1e-6, atol=1e-9):
        got = f"times from {stored[0]:.6g} to {stored[-1]:.6g}"
        raise expected(f"truth at the times {times[0]:.6g} to {times[-1]:.6g}", got, "Roll out fewer steps.")
    return truth.isel(time=nearest)
