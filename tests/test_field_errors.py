"""Errors of fields."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from surrogate.datasets import Grid, InputError
from surrogate.evaluation import relative_error


def trajectory(values: np.ndarray, times: list[float]) -> xr.Dataset:
    grid = Grid((values.shape[-1],), periodic=True)
    coords = {"time": ("time", times, {"units": "1"}), **grid.coordinates()}
    return xr.Dataset({"u": (("sample", "time", "x"), values, {"units": "1"})}, coords=coords)


def test_hand_computed() -> None:
    truth = trajectory(np.full((2, 3, 4), 2.0), [0.0, 0.1, 0.2])
    guess = trajectory(np.full((2, 1, 4), 2.5), [0.2])
    error = relative_error(guess, truth)
    assert error.dims == ("sample", "time")
    np.testing.assert_allclose(error, 0.25)


def test_fields_count_jointly() -> None:
    grid = Grid((4,), periodic=True)
    dims = ("sample", "x")
    truth = xr.Dataset({"a": (dims, np.full((1, 4), 3.0)), "b": (dims, np.full((1, 4), 4.0))}, grid.coordinates())
    guess = truth.assign(a=truth["a"] + 1.0)
    np.testing.assert_allclose(relative_error(guess, truth), 1 / 5)  # |(1, 0)| / |(3, 4)|


def test_stretched_axes_are_integrated() -> None:
    grid = Grid((9,), stretching=("chebyshev",))
    (x,) = grid.axes
    truth = xr.Dataset({"u": (("sample", "x"), x[None])}, grid.coordinates())
    error = relative_error(truth.assign(u=truth["u"] + x**2), truth)
    np.testing.assert_allclose(error, np.sqrt(3 / 5), rtol=1e-13)  # int x^4 = 1/5 over int x^2 = 1/3


def test_what_does_not_match_is_refused() -> None:
    truth = trajectory(np.ones((2, 3, 4)), [0.0, 0.1, 0.2])
    with pytest.raises(InputError, match="Expected truth at the times"):
        relative_error(trajectory(np.ones((2, 1, 4)), [0.3]), truth)
    with pytest.raises(InputError, match="Expected truth of sizes"):
        relative_error(trajectory(np.ones((1, 1, 4)), [0.1]), truth)
    with pytest.raises(InputError, match="Expected a field 'u'"):
        relative_error(trajectory(np.ones((2, 1, 4)), [0.1]), truth.rename(u="v"))
