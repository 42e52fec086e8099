"""Trivial predictions on grids, where their answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

import surrogate as sg
from surrogate.evaluation.baselines import baselines
from surrogate.evaluation.linear_baselines import LinearStep, SteadyLinearMap
from surrogate.evaluation.nearest_baselines import NearestTrajectory, SteadyNearestSample
from surrogate.evaluation.schedule import Schedule
from surrogate.evaluation.scores import Target

GRID = sg.Grid((16,), periodic=True)
STEADY = sg.Grid((6, 5))


@pytest.fixture(scope="module")
def linear() -> xr.Dataset:
    """Return trajectories of a linear equation from three modes."""
    solver = sg.solvers.AdvectionDiffusion(GRID, velocity=(0.3,), diffusivity=0.01, dt=0.1)
    x = GRID.unit_coordinates(dtype=torch.float64)[:, 0]
    basis = torch.stack([torch.cos(2 * torch.pi * m * x + p) for m in (1, 2, 3) for p in (0.0, 1.0)])
    start = torch.randn(20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64) @ basis
    coords = {"sample": np.arange(20), "time": ("time", np.zeros(1), {"units": "1"}), **GRID.coordinates()}
    fields = xr.Dataset({"u": (("sample", "time", "x"), start[:, None].numpy(), {"units": "1"})}, coords)
    return xr.concat([fields, sg.rollout(solver, fields, steps=6, progress=False)], "time", join="override")


@pytest.fixture(scope="module")
def steady() -> xr.Dataset:
    """Return a random linear map of random fields, with more samples than points."""
    rng = np.random.default_rng(0)
    a, matrix = rng.standard_normal((50, 30)), rng.standard_normal((30, 30))
    dims, one = ("sample", "x", "y"), {"units": "1"}
    variables = {"a": (dims, a.reshape(50, 6, 5), one), "u": (dims, (2 + a @ matrix).reshape(50, 6, 5), one)}
    return xr.Dataset(variables, STEADY.coordinates())


@pytest.mark.parametrize("stride", [1, 2])
def test_the_linear_step_is_exact_for_a_linear_equation(linear: xr.Dataset, stride: int) -> None:
    schedule = Schedule(0, stride, 6 // stride, 0.1)
    step = LinearStep(linear.isel(sample=slice(15)), ("u",), schedule)
    assert step.pod.rank == 6
    assert step.dt == pytest.approx(stride * 0.1)
    test = linear.isel(sample=slice(15, None))
    found = sg.rollout(step, test, steps=schedule.count, progress=False)
    # the penalty, 1e-8 of the mean square, is what is left, once in each step
    assert float(sg.relative_error(found, test).max()) < 1e-5


def test_the_linear_map_is_exact_for_a_linear_map(steady: xr.Dataset) -> None:
    operator = SteadyLinearMap(steady.isel(sample=slice(45)), ("a",), ("u",))
    test = steady.isel(sample=slice(45, None))
    assert float(sg.relative_error(sg.predict(operator, test), test).max()) < 1e-6


def test_nearest_trajectory_replays_what_followed(linear: xr.Dataset) -> None:
    """From a later frame of a training trajectory, which is a candidate because enough frames follow."""
    training = linear.isel(sample=slice(10)).astype("float32")
    nearest = NearestTrajectory(training, ("u",), Schedule(0, 2, 2, 0.1))
    given = training.isel(sample=[7, 3], time=[2])
    given["u"] = given["u"].copy(data=given["u"] + np.float32(1e-4))
    found = sg.rollout(nearest, given, steps=2, progress=False)
    np.testing.assert_array_equal(found["u"], training["u"].isel(sample=[7, 3], time=[4, 6]))


def test_nearest_sample_weighs_fields_by_their_deviation(steady: xr.Dataset) -> None:
    """A second input field in units a million times as large does not drown the first."""
    rng = np.random.default_rng(1)
    other = steady["a"].copy(data=1e6 * rng.standard_normal(steady["a"].shape))
    fields = steady.assign(b=other.assign_attrs(units="1"))
    nearest = SteadyNearestSample(fields.isel(sample=slice(40)), ("a", "b"), ("u",))
    given = fields.isel(sample=[5, 31]).copy(deep=True)
    given["b"] = given["b"].copy(data=given["b"] * 0.9)
    np.testing.assert_allclose(sg.predict(nearest, given)["u"], fields["u"].isel(sample=[5, 31]), rtol=1e-6)


def test_what_the_data_do_not_allow_is_said(linear: xr.Dataset) -> None:
    first = sg.solvers.AdvectionDiffusion(GRID, velocity=(0.3,), diffusivity=0.01, dt=0.1)
    target = Target(("u",), GRID, torch.zeros(1, 6, 1, 16), np.arange(6), torch.zeros(1, 1, 16))
    schedule = Schedule(0, 1, 6, 0.1)

    def names(training: xr.Dataset | None) -> tuple[list[str], list[str]]:
        members, notes = baselines(target, first, schedule, training)
        return [member.name for member in members], notes

    assert names(linear) == (["persistence", "training mean", "linear", "nearest trajectory"], [])
    coarse = linear.isel(x=slice(0, 16, 2)).assign_coords(sg.Grid((8,), periodic=True).coordinates())
    for training, words in (
        (None, "a part of what"),
        (linear.isel(time=slice(4)), "shorter"),
        (coarse, "another grid"),
    ):
        members, notes = names(training)
        assert members == ["persistence"]
        assert words in notes[0]
