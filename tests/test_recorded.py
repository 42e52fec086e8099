"""Runs of other solvers: matched to the truth or refused, at the cost that the user says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.datasets import InputError

CASE = sg.cases.Burgers(resolution=32, viscosity=0.1, dt=0.1, steps=4)


@pytest.fixture(scope="module")
def fields() -> xr.Dataset:
    return sg.generate(CASE, samples=6, seed=3, dtype="float64", progress=False)


def compared(truth: xr.Dataset, *runs: sg.Recorded, case: sg.cases.Case | None = None) -> sg.Comparison:
    given = truth if case is not None else truth.drop_attrs(deep=False)
    return sg.compare(
        {"itself": CASE.solver(substeps=1)},
        given.assign_attrs(history=1, horizon=1),
        case=case,
        solvers=list(runs),
        time_budget=0.0,
        progress=False,
    )


def off(fields: xr.Dataset, factor: float) -> xr.Dataset:
    """Return the fields times a factor, but for the initial state."""
    return fields.assign(
        u=xr.where(fields["time"] > 0, factor * fields["u"], fields["u"], keep_attrs=True).transpose(*fields["u"].dims)
    )


def test_its_error_is_measured_and_its_cost_is_what_the_user_says(fields: xr.Dataset, tmp_path: Path) -> None:
    sg.save_dataset(off(fields, 1.03), tmp_path / "theirs.h5")
    run = sg.Recorded(tmp_path / "theirs.h5", seconds=[3.0, 5.0, 4.0], hardware="32 cores")
    report = compared(fields, run)
    row = next(row for row in report.rows if row.kind == "solver")
    assert row.error == pytest.approx(0.03, rel=1e-12)
    assert row.cost is not None
    assert (row.cost.single.median, row.cost.single.lower, row.cost.single.upper) == (4.0, 3.5, 4.5)
    assert row.cost.best == row.cost.single
    assert row.hardware == "32 cores"
    assert report.provenance["recorded"][row.name] == {"files": str(tmp_path / "theirs.h5"), "hardware": "32 cores"}
    assert "32 cores" in str(report)
    report.save(tmp_path / "report")
    assert "ran on other hardware, 32 cores" in (tmp_path / "report" / "report.html").read_text()


def test_the_only_solver_and_every_verdict_says_where_it_ran(fields: xr.Dataset) -> None:
    report = compared(fields, sg.Recorded(off(fields, 1.0 + 1e-6), 1e3, "a laptop", name="theirs"))
    assert [row.name for row in report.rows if row.kind == "solver"] == ["theirs"]
    assert all("On other hardware: theirs (a laptop)" in verdict.sentence for verdict in report.verdicts)


def test_samples_are_matched_by_label_else_by_order(fields: xr.Dataset) -> None:
    truth = fields.isel(sample=[4, 1])
    for theirs in (fields, truth, truth.assign_coords(sample=[10, 11])):
        report = compared(truth, sg.Recorded(theirs, 1.0, "here", name="theirs"))
        assert report.scores["error"].sel(member="theirs").max() == 0.0
    with pytest.raises(InputError, match=r"the initial states of the truth in 'theirs', got states that differ by"):
        compared(
            truth, sg.Recorded(fields.isel(sample=[1, 4]).assign_coords(sample=[7, 8]), 1.0, "here", name="theirs")
        )
    with pytest.raises(InputError, match="the 2 samples of the truth in 'theirs', got 3"):
        compared(truth, sg.Recorded(fields.isel(sample=[0, 1, 2]), 1.0, "here", name="theirs"))


def test_a_coarser_grid_is_interpolated_by_its_modes(fields: xr.Dataset) -> None:
    """A smooth field on 16 points holds the same function."""
    x = 2 * np.pi * fields["x"]
    wave = (np.sin(x) + 0.2 * np.cos(3 * x) + 0 * fields["u"]).transpose(*fields["u"].dims)
    truth = fields.assign(u=wave.assign_attrs(units="1"))
    coarse = truth.isel(x=slice(None, None, 2)).assign_coords(sg.Grid((16,), periodic=True).coordinates())
    report = compared(truth, sg.Recorded(coarse, 1.0, "here", name="theirs"))
    assert report.scores["error"].sel(member="theirs").max() < 1e-13


def test_a_run_finer_than_the_truth_needs_a_case_which_refines_the_reference(fields: xr.Dataset) -> None:
    fine = sg.datasets.resample(fields, sg.Grid((64,), periodic=True), method="spectral")
    run = sg.Recorded(fine, 1.0, "here", name="theirs")
    with pytest.raises(InputError, match=r"solvers at most as fine as the truth \(32,\), got 'theirs' on \(64,\)"):
        compared(fields, run)
    report = compared(fields, run, case=CASE)
    assert report.provenance["reference"]["resolution"] == 128


def test_other_times_fields_and_boxes_are_refused(fields: xr.Dataset) -> None:
    def run(theirs: xr.Dataset) -> sg.Recorded:
        return sg.Recorded(theirs, 1.0, "here", name="theirs")

    with pytest.raises(InputError, match=r"frames at the times of the truth in 'theirs', got none at 0\.4"):
        compared(fields, run(fields.isel(time=slice(4))))
    with pytest.raises(InputError, match=r"frames over 'time' in 'theirs'"):
        compared(fields, run(fields.isel(time=1, drop=True)))
    with pytest.raises(InputError, match="a field 'u'"):
        compared(fields, run(fields.rename(u="v")))
    other = fields.assign_coords(sg.Grid((32,), extent=(2.0,), periodic=True).coordinates())
    with pytest.raises(InputError, match="fields on the box of"):
        compared(fields, run(other))
    closed = fields.assign_coords(sg.Grid((32,)).coordinates())
    with pytest.raises(InputError, match="fields on the box of"):
        compared(fields, run(closed))


@pytest.mark.parametrize(
    ("seconds", "hardware", "words"),
    [
        (0.0, "here", "positive wall-clock seconds"),
        ([1.0, float("nan")], "here", "positive wall-clock seconds"),
        ([], "here", "positive wall-clock seconds"),
        (1.0, " ", "the hardware of the run in words"),
    ],
)
def test_bad_input(fields: xr.Dataset, seconds: float | list[float], hardware: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        sg.Recorded(fields, seconds, hardware)


def test_names_of_a_list_must_differ(fields: xr.Dataset) -> None:
    with pytest.raises(InputError, match="solvers with names that differ, got 'recorded' twice"):
        compared(fields, sg.Recorded(fields, 1.0, "here"), sg.Recorded(fields, 2.0, "there"))
    with pytest.raises(InputError, match="an existing file"):
        compared(fields, sg.Recorded("nowhere.h5", 1.0, "here"))


def test_on_meshes_the_points_must_be_the_same(polygons: xr.DataTree) -> None:
    truth = polygons["test"].to_dataset()
    candidate = sg.cases.PoissonPolygons().solver()
    theirs = truth.assign(u=1.02 * truth["u"].assign_attrs(units="1"))
    theirs["u"].attrs = truth["u"].attrs
    run = sg.Recorded(theirs, 1.0, "here", name="theirs")
    report = sg.compare({"itself": candidate}, truth, solvers=[run], time_budget=0.0, progress=False)
    assert report.scores["error"].sel(member="theirs").values == pytest.approx(0.02, rel=1e-5)
    moved = theirs.assign_coords(x=theirs["x"] + 0.1)
    moved["x"].attrs = truth["x"].attrs
    run = sg.Recorded(moved, 1.0, "here", name="theirs")
    with pytest.raises(InputError, match="the points of the truth in 'theirs', got others"):
        sg.compare({"itself": candidate}, truth, solvers=[run], progress=False)
