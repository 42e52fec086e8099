"""The error of one set of fields against another, as a user asks for it."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, require
from surrogate.datasets.grid import AXES, Grid
from surrogate.datasets.tensors import to_tensor
from surrogate.evaluation.metrics import relative_l2


def relative_error(prediction: Fields, truth: Fields) -> xr.DataArray:
    r"""Return :math:`\lVert p - t \rVert_2 / \lVert t \rVert_2` over space, jointly over the fields of ``prediction``.

    All points count the same, on stretched axes as their quadrature weights.

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
    target = target[names]
    if "time" in guess.dims:
        target = _at_times(target, guess["time"].values)
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
    coords = {dim: guess[dim] for dim in dims if dim in guess.coords}
    attrs = {"units": "1", "long_name": "relative L2 error"}
    return xr.DataArray(values.numpy() if has_time else values[:, 0].numpy(), coords, dims, "relative_error", attrs)


def _at_times(truth: xr.Dataset, times: np.ndarray) -> xr.Dataset:
    stored = truth["time"].values
    nearest = np.abs(stored[:, None] - times).argmin(axis=0)
    if not np.allclose(stored[nearest], times, rtol=1e-6, atol=1e-9):
        got = f"times from {stored[0]:.6g} to {stored[-1]:.6g}"
        raise expected(f"truth at the times {times[0]:.6g} to {times[-1]:.6g}", got, "Roll out fewer steps.")
    return truth.isel(time=nearest)
