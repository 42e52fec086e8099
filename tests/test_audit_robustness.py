"""An audit of data of any kind ends with a report, also of broken ones."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.auditing.log import Log


@pytest.fixture
def flows() -> xr.Dataset:
    """Return trajectories of Burgers flow that say nothing of their origin."""
    case = sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=5)
    return sg.generate(case, 9, progress=False).drop_attrs(deep=False)


def checks(report: sg.AuditReport) -> set[str]:
    """Return the checks that found errors or warnings."""
    return {one.check for one in report if one.severity != "note"}


def test_one_trajectory_without_samples(flows: xr.Dataset) -> None:
    report = sg.audit(flows.isel(sample=0, drop=True), equation="burgers")
    assert not checks(report)
    assert {"step residual", "conservation", "periodic sides"} <= set(report.clean)
    assert report.not_applicable["duplicates"] == "a single sample"


def test_one_field(flows: xr.Dataset) -> None:
    assert not checks(sg.audit(flows["u"]))


def test_a_table_of_series(tmp_path: Path) -> None:
    rows = "\n".join(f"2024-01-01 {hour:02d}:00,{np.sin(hour):.6f},{np.cos(hour):.6f}" for hour in range(24))
    (tmp_path / "load.csv").write_text(f"date,load,wind\n{rows}\n")
    report = sg.audit(tmp_path / "load.csv")
    assert not checks(report)
    assert report.not_applicable["windows in time"] == "a single sample"


def test_frames_on_a_mesh_that_all_samples_share() -> None:
    mesh = sg.Mesh([[0, 0], [1, 0], [1, 1], [0, 1]], {"triangle": [[0, 1, 2], [0, 2, 3]]})
    values = np.random.default_rng(0).standard_normal((9, 3, 4))
    values[4, 2, 1] = np.inf
    attrs = {"units": "1", "mesh": "mesh", "location": "node"}
    coords = {**mesh.coordinates(), "time": ("time", np.arange(3.0), {"units": "s"})}
    fields = xr.Dataset({"u": (("sample", "time", "node"), values, attrs)}, coords=coords)
    report = sg.audit(fields)
    assert checks(report) == {"finite values"}
    assert "at time 2, node 1 of sample 4" in report.of("error")[0].message


@pytest.mark.parametrize("broken", ["times", "axis", "values"])
def test_broken_data_of_a_named_equation_are_reported(flows: xr.Dataset, broken: str) -> None:
    if broken == "times":
        flows = flows.assign_coords(time=("time", [0.0, 0.1, 0.3, 0.2, 0.4, 0.5], {"units": "1"}))
    elif broken == "axis":
        flows = flows.assign_coords(x=("x", flows["x"].values[::-1], flows["x"].attrs))
    else:
        flows["u"][:, 3, 5] = np.nan
    report = sg.audit(flows, equation="burgers")
    expected = {"times": {"field convention", "time axis"}, "axis": {"field convention"}}
    assert checks(report) >= expected.get(broken, {"finite values", "step residual", "conservation"})


def test_every_sample_is_broken(flows: xr.Dataset) -> None:
    flows["u"][:] = np.nan
    report = sg.audit(flows, equation="burgers")
    assert "finite values" in checks(report)


def test_data_that_cannot_be_read_to_the_end(flows: xr.Dataset) -> None:
    def look(fields: xr.Dataset):  # type: ignore[no-untyped-def]
        raise OSError("chunk 7 is damaged")
        yield

    log = Log()
    log.run("a check", "train", look, flows)
    (one,) = log.report()
    assert (one.severity, one.part) == ("error", "train")
    assert one.message == "data cannot be read: chunk 7 is damaged"


def test_nothing_to_audit_is_refused(flows: xr.Dataset) -> None:
    with pytest.raises(sg.InputError, match="Expected fields with values, got none along 'sample'"):
        sg.audit(flows.isel(sample=slice(0, 0)))
    with pytest.raises(sg.InputError, match="Expected fields with values, got none"):
        sg.audit(xr.Dataset())


def test_the_maximum_principle_needs_a_known_boundary() -> None:
    grid = sg.Grid((8, 8), boundary=(("neumann", "neumann"),) * 2, location="cell")
    pressure = np.cos(np.pi * grid.axes[0])[:, None] + np.zeros((8, 8))
    variables = {
        "permeability": (("sample", "x", "y"), np.ones((1, 8, 8)), {"units": "1"}),
        "pressure": (("sample", "x", "y"), pressure[None], {"units": "1"}),
        "source": (("sample", "x", "y"), np.pi**2 * pressure[None], {"units": "1"}),
    }
    report = sg.audit(xr.Dataset(variables, coords=grid.coordinates()), equation="darcy")
    assert report.not_applicable["maximum principle"] == "no side on which the solution is known"
    # the cosine solves the equation up to the error of eight volumes, (pi/8)^2/12 = 1.3 %
    (one,) = [one for one in report if one.check == "steady residual"]
    assert one.severity == "warning"


def test_what_a_reader_warns_of_is_a_finding(tmp_path: Path) -> None:
    x, times = (np.arange(128) + 0.5) / 128, 0.05 * np.arange(42)
    phase = 2 * np.pi * (x - 2 * 0.4 * times[:41, None])  # at twice the speed that the file names
    with h5py.File(tmp_path / "old.hdf5", "w") as file:
        file["tensor"] = np.stack([np.sin(k * phase + k) + 0.5 * np.cos(2 * phase) for k in (1, 2, 3)]).astype("f4")
        file["x-coordinate"], file["t-coordinate"] = x.astype("f4"), times.astype("f4")
        file.attrs["beta"] = 0.4
    (one,) = [one for one in sg.audit(tmp_path / "old.hdf5") if one.check == "known defects of the format"]
    assert one.severity == "warning"
    assert "move at 2 velocity_x" in one.message
    options = {"equation": "advection", "parameters": {"velocity": 0.4}}
    (one,) = [one for one in sg.audit(tmp_path / "old.hdf5", **options) if one.check == "step residual"]
    assert one.severity == "error"
    options["parameters"] = {"velocity": 0.8}
    assert "step residual" in sg.audit(tmp_path / "old.hdf5", **options).clean
