"""A truth that was trained on is refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.datasets import InputError
from surrogate.evaluation.leaks import refuse_leaks

CASE = sg.cases.Burgers(resolution=32, viscosity=0.1, dt=0.1, steps=5)


@pytest.fixture(scope="module")
def fields() -> xr.Dataset:
    return sg.generate(CASE, samples=8, seed=0, progress=False)


def tree(training: xr.Dataset, test: xr.Dataset) -> xr.DataTree:
    parts = [part.assign_attrs(history=1, horizon=1) for part in (training, test)]
    return xr.DataTree.from_dict(dict(zip(("train", "test"), parts, strict=True)))


def test_compare_refuses_samples_of_the_training_part(fields: xr.Dataset) -> None:
    data = tree(fields.isel(sample=slice(5)), fields.isel(sample=slice(4, None)))
    with pytest.raises(InputError, match="a truth without training samples, got 1 that are in both"):
        sg.compare({"itself": CASE.solver()}, data["test"], progress=False)


def test_equal_content_is_found_without_seeds(fields: xr.Dataset) -> None:
    bare = fields.drop_attrs(deep=False)
    renumbered = bare.isel(sample=[6, 2]).assign_coords(sample=[0, 1])
    with pytest.raises(InputError, match="got 2 that are in both"):
        refuse_leaks(renumbered, bare, CASE.solver())
    refuse_leaks(renumbered, bare.isel(sample=[0, 1, 3]), CASE.solver())


def test_overlap_in_time_is_found(fields: xr.Dataset) -> None:
    """Windows of one long trajectory: the last moments of one are the first of the other."""
    bare = fields.drop_attrs(deep=False)
    early, late = bare.isel(time=slice(4)), bare.isel(time=slice(3, None))
    with pytest.raises(InputError, match=r"do not overlap in time with the training part, got 8 frames"):
        refuse_leaks(early, late.assign_coords(time=late["time"] - 0.3), CASE.solver())
    refuse_leaks(early, bare.isel(time=slice(4, None)), CASE.solver())


def test_equal_frames_at_rest_and_equal_starts_are_no_leak(fields: xr.Dataset) -> None:
    bare = fields.drop_attrs(deep=False)
    start = xr.where(bare["time"] == 0, bare["u"].isel(sample=0), bare["u"]).transpose(*bare["u"].dims)
    same = bare.assign(u=start.astype("float32").assign_attrs(bare["u"].attrs))
    refuse_leaks(same.isel(sample=[0, 1]), same.isel(sample=[2, 3]), CASE.solver())
    still = same.assign(u=same["u"].where(same["time"] < 0.35, np.float32(0.5)))
    refuse_leaks(still.isel(sample=[0, 1]), still.isel(sample=[2, 3]), CASE.solver())


def test_parts_of_one_series_may_share_what_they_start_from() -> None:
    times = np.arange(20.0)
    grid = sg.Grid((4,), periodic=True)
    values = np.random.default_rng(0).random((1, 20, 4))
    coords = {"time": ("time", times, {"units": "s"}), **grid.coordinates()}
    fields = xr.Dataset({"u": (("sample", "time", "x"), values, {"units": "1"})}, coords)
    data = sg.prepare(fields, inputs=["u"], outputs=["u"], split_by="time", split=(10, 4, 6))

    stepper = sg.evaluation.Persistence(("u",), grid, dt=1.0)
    refuse_leaks(data["test"].to_dataset(), data["train"].to_dataset(), stepper)
    with pytest.raises(InputError, match="targets that all come after the training part"):
        refuse_leaks(data["train"].to_dataset(), data["train"].to_dataset(), stepper)


def test_other_distributions_are_reported(fields: xr.Dataset) -> None:
    """The solver is right there, too."""
    report = sg.compare({"itself": CASE.solver()}, fields, solvers={}, samples=2, time_budget=0.0, progress=False)
    found = report.rows[0].out_of_distribution
    assert found.keys() == CASE.out_of_distribution().keys()
    assert max(found.values()) < 1e-6
    assert "Out of distribution, itself" in str(report)
    half = CASE.out_of_distribution()["half the amplitude"]
    np.testing.assert_allclose(half.initial_state([1], seed=0), CASE.initial_state([1], seed=0) / 2, rtol=1e-14)
