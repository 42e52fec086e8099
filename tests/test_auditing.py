"""An audit finds each planted defect, and nothing in clean data of every kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogate as sg
from surrogate.auditing.physical_units import dimension_of

Fields = Callable[[], xr.Dataset]


@pytest.fixture(scope="module")
def flows() -> xr.Dataset:
    """Return trajectories of Burgers flow."""
    case = sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=5)
    return sg.generate(case, 12, progress=False)


@pytest.fixture
def burgers(flows: xr.Dataset) -> xr.Dataset:
    """Return a copy to plant a defect in."""
    return flows.copy(deep=True)


@pytest.fixture(scope="module")
def polygons() -> xr.Dataset:
    """Return solutions on meshes that differ by sample."""
    return sg.generate(sg.cases.PoissonPolygons(nodes=(60, 120)), 12, progress=False)


def found(fields: xr.Dataset, check: str, **options: object) -> list[sg.auditing.Finding]:
    """Return the errors and warnings of a check."""
    return [one for one in sg.audit(fields, **options) if one.check == check and one.severity != "note"]


CLEAN = {
    "burgers": sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=5),
    "darcy": sg.cases.Darcy(resolution=24),
    "darcy at nodes": sg.cases.Darcy(resolution=17, location="node"),
    "kolmogorov": sg.cases.Kolmogorov(resolution=64, viscosity=0.02, wavenumber=2, warm_up=0.5, steps=3),
    "polygons": sg.cases.PoissonPolygons(nodes=(60, 120)),
}


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "from a file"])
def test_nothing_is_found_in_clean_data(name: str, stored: bool, tmp_path: Path) -> None:
    fields: xr.Dataset | Path = sg.generate(CLEAN[name], 12, progress=False)
    if stored:
        sg.save_dataset(fields, tmp_path / "clean.h5")
        fields = tmp_path / "clean.h5"
    report = sg.audit(fields)
    assert not report.of("error") + report.of("warning"), str(report)
    checked = {"burgers": "step residual", "kolmogorov": "conservation"}.get(name, "maximum principle")
    assert checked in report.clean


def test_values_that_are_not_finite(burgers: xr.Dataset, tmp_path: Path) -> None:
    burgers["u"][3, 2, 5:7] = np.nan
    burgers["u"][7, 0, 0] = np.inf
    (one,) = found(burgers, "finite values")
    assert one.severity == "error"
    assert one.samples == (3, 7)
    assert one.message == "3 values not finite in 2 of 12 samples (3, 7); the first at time 2, x 5 of sample 3"
    burgers.to_netcdf(tmp_path / "bad.h5", engine="h5netcdf")
    with pytest.raises(sg.InputError, match="Expected finite values"):
        sg.open_dataset(tmp_path / "bad.h5")
    assert next(one.samples for one in sg.audit(tmp_path / "bad.h5") if one.field == "u") == (3, 7)


def test_what_breaks_the_convention_is_said_of_every_field(burgers: xr.Dataset) -> None:
    broken = burgers.assign(v=burgers["u"].astype("float16"), w=burgers["u"].drop_attrs(deep=False))
    messages = [one.message for one in found(broken, "field convention")]
    assert "Expected float32 or float64 in 'v', got float16" in messages
    assert "Expected units on 'w', got none" in messages


def test_constant_fields_and_samples(burgers: xr.Dataset) -> None:
    burgers["u"][4] = 1.5
    findings = found(burgers.assign(rho=xr.full_like(burgers["u"], 3.0)), "constant fields")
    assert [(one.field, one.samples) for one in findings] == [("u", (4,)), ("rho", ())]
    assert [one.message for one in findings] == ["is constant in 1 of 12 samples (4)", "is 3 everywhere"]


def test_trajectories_that_stand_still(burgers: xr.Dataset) -> None:
    burgers["u"][2, 3:] = burgers["u"][2, 3].values
    (one,) = found(burgers, "repeated frames")
    assert one.samples == (2,)
    assert one.message.startswith("2 frames equal to the one before in 1 of 12")


@pytest.mark.parametrize(("factor", "shift"), [(1000.0, 0.0), (1e-3, 0.0), (1.0, 273.0)])
def test_a_sample_in_other_units(burgers: xr.Dataset, factor: float, shift: float) -> None:
    burgers["u"][6] = factor * burgers["u"][6] + shift
    (one,) = found(burgers, "outliers")
    assert one.samples == (6,)


@pytest.mark.parametrize(
    ("rounded", "severity", "words"),
    [
        (lambda u: u.astype(np.float16), "warning", "has the 11 bits of float16"),
        (lambda u: torch.from_numpy(u).bfloat16().float().numpy(), "warning", "has the 8 bits of bfloat16"),
        (lambda u: u.round(3), "note", "is written with 3 decimals"),
        (lambda u: np.round(8 * u) / 8, None, ""),  # a few levels: a choice of phases
        (lambda u: u + np.float32(1e-6), None, ""),
    ],
)
def test_values_that_were_rounded(
    burgers: xr.Dataset, rounded: Callable[[np.ndarray], np.ndarray], severity: str | None, words: str
) -> None:
    burgers["u"].values[:] = rounded(burgers["u"].values)
    found = [one for one in sg.audit(burgers) if one.check == "precision"]
    assert [one.severity for one in found] == ([severity] if severity else [])
    assert all(words in one.message for one in found)


def test_equal_samples(burgers: xr.Dataset) -> None:
    burgers["u"][9] = burgers["u"][1]
    (one,) = found(burgers, "duplicates")
    assert one.samples == (9,)
    assert "sample 9 equals sample 1" in one.message


def test_equal_samples_on_meshes(polygons: xr.Dataset) -> None:
    twice = sg.datasets.select_samples(polygons, [0, 1, 2, 1])
    assert [one.samples for one in found(twice, "duplicates")] == [(3,)]


@pytest.mark.parametrize(("size", "near"), [(3e-4, True), (3e-3, False)])
def test_nearly_equal_initial_states(burgers: xr.Dataset, size: float, near: bool) -> None:
    u, noise = burgers["u"], np.random.default_rng(0).standard_normal(64).astype(np.float32)
    u[10, 0] = u[5, 0] + size * float(u[:, 0].std()) * noise
    findings = found(burgers, "near duplicates")
    assert [one.samples for one in findings] == ([(10,)] if near else [])


def test_equal_initial_states_with_other_solutions(burgers: xr.Dataset) -> None:
    burgers["u"][10, 0] = burgers["u"][5, 0]
    assert [one.samples for one in found(burgers, "near duplicates")] == [(10,)]
    assert not found(burgers, "duplicates")


def test_samples_that_failed(burgers: xr.Dataset) -> None:
    assert not found(burgers.assign_attrs(failed_samples=0, missing_samples=0), "failed samples")
    findings = found(burgers.assign_attrs(failed_samples=3, missing_samples=np.int64(1)), "failed samples")
    assert [one.message.partition(" ")[0] for one in findings] == ["3", "1"]


def test_nearly_equal_states_with_other_parameters_are_other_inputs(burgers: xr.Dataset) -> None:
    burgers["u"][10, 0] = burgers["u"][5, 0] * (1 + 1e-5)
    values = ("sample", np.linspace(0.01, 0.1, 12), {"units": "1"})
    assert not found(burgers.assign(viscosity=values), "near duplicates")


def test_windows_of_one_trajectory(burgers: xr.Dataset) -> None:
    whole = burgers["u"][:6]
    windows = xr.concat(
        [whole.isel(time=slice(0, 4)), whole.isel(time=slice(2, 6)).assign_coords(time=whole.time[:4])], "sample"
    )
    fields = windows.drop_vars("sample").to_dataset()
    (one,) = found(fields, "windows in time")
    assert one.samples == tuple(range(6, 12))
    assert re.search(r"frame (2 of sample (\d) is frame 0|3 of sample (\d) is frame 1) of sample", one.message)
    assert not found(burgers, "windows in time")


@pytest.mark.parametrize(
    ("name", "units", "severity"),
    [
        ("temperature", "m s-1", "warning"),
        ("temperature", "degC", None),
        ("pressure", "hPa", None),
        ("pressure", "kg", "warning"),
        ("velocity_x", "km/h", None),
        ("velocity_x", "Pa", "warning"),
        ("velocity_x", "furlongs per fortnight", "note"),
        ("pressure gradient", "Pa m-1", None),
    ],
)
def test_units_against_names(burgers: xr.Dataset, name: str, units: str, severity: str | None) -> None:
    fields = burgers.rename(u=name)
    fields[name].attrs = {"units": units, "long_name": name}
    severities = [one.severity for one in sg.audit(fields) if one.check == "units"]
    assert severities == ([severity] if severity else [])


def test_dimensions_of_units() -> None:
    # kg, m, s, K, mol, A
    assert dimension_of("J kg-1 K-1") == (0, 2, -2, -1, 0, 0)
    assert dimension_of("W/m^2") == (1, 0, -3, 0, 0, 0)
    assert dimension_of("mPa.s") == dimension_of("g cm**-1 s-1")
    assert dimension_of("days since 2000-01-01") == dimension_of("h")
    assert dimension_of("m m-1") == dimension_of("1") == dimension_of("percent")
    assert dimension_of("") is None


@pytest.mark.parametrize(
    ("times", "attrs", "message", "severity"),
    [
        ([0, 0.1, 0.2, 0.4, 0.5, 0.6], {}, "has steps between 0.1 and 0.2", "warning"),
        ([0, 0.1, 0.2, 0.2, 0.3, 0.4], {}, "does not increase", "error"),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], {}, "starts at 0.1", "note"),
        ([0, 0.1, 0.2, 0.3, 0.4, 0.5], {"dt": 0.05}, None, None),
        ([0, 0.1, 0.2, 0.3, 0.4, 0.5], {"dt": 0.2}, "has steps of 0.1, where the attribute dt says 0.2", "error"),
        (
            [0, 0.1, 0.2, 0.3, 0.4, 0.5],
            {"dt_out": 0.05},
            "has steps of 0.1, where the attribute dt_out says 0.05",
            "error",
        ),
    ],
)
def test_time_axes(
    burgers: xr.Dataset, times: list[float], attrs: dict[str, float], message: str | None, severity: str | None
) -> None:
    fields = burgers.assign_coords(time=("time", np.array(times), {"units": "1"}))
    fields.attrs = attrs
    findings = [(one.message, one.severity) for one in sg.audit(fields) if one.check == "time axis"]
    assert findings == ([(message, severity)] if message else [])


def test_a_solver_that_took_other_steps_than_the_file_says(burgers: xr.Dataset) -> None:
    slow = burgers.assign_coords(time=1.5 * burgers["time"].assign_attrs(units="1"))
    slow["time"].attrs = {"units": "1"}
    messages = [one.message for one in found(slow, "time axis")]
    assert messages == [f"has steps of 0.15, where the attribute {name} says 0.1" for name in ("dt", "case", "solver")]


def test_a_jump_across_periodic_sides(burgers: xr.Dataset) -> None:
    ramp = 5 * burgers["u"].std() * burgers["x"]
    (one,) = found(burgers.assign(u=(burgers["u"] + ramp).assign_attrs(burgers["u"].attrs)), "periodic sides")
    assert one.severity == "error"
    assert "'x'" in one.message


def test_an_end_point_that_repeats_the_first(flows: xr.Dataset) -> None:
    u = flows["u"].values
    values = {"u": (("sample", "time", "x"), np.concatenate([u, u[..., :1]], axis=-1), {"units": "1"})}
    times = {"time": ("time", flows["time"].values, {"units": "1"})}
    closed = xr.Dataset(values, coords={**sg.Grid((65,), periodic=True).coordinates(), **times})
    (one,) = found(closed, "periodic sides")
    assert one.message.startswith("values at the last point are those at the first, though the axis is periodic")
    unknown = xr.Dataset(values, coords={**sg.Grid((65,)).coordinates(), **times})
    assert [one.severity for one in sg.audit(unknown) if one.check == "periodic sides"] == ["note"]


def test_values_off_a_dirichlet_side() -> None:
    fields = sg.generate(sg.cases.Darcy(resolution=17, location="node"), 4, progress=False)
    fields["pressure"][2, 5:8, -1] = 0.01
    (one,) = found(fields, "Dirichlet sides")
    assert one.samples == (2,)
    assert one.message == "is off its value 0 at the last point of 'y' by up to 0.01 in 1 of 4 samples (2)"


def test_a_report_is_a_list_a_table_and_a_file(burgers: xr.Dataset, tmp_path: Path) -> None:
    burgers["u"][3] = burgers["u"][4]
    del burgers.attrs["case"]
    report = sg.audit(burgers)
    assert len(report) == len([*report]) == len(report.of("warning")) + len(report.of("note"))
    assert "no equation known. Name it" in " ".join(str(report).split())
    assert report.not_applicable["step residual"].startswith("no equation known")
    report.save(tmp_path / "report.json")
    with pytest.raises(sg.InputError, match="Expected an output path that does not exist"):
        report.save(tmp_path / "report.json")
    assert '"check": "duplicates"' in (tmp_path / "report.json").read_text()
