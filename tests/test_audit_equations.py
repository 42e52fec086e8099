"""An audit finds data that do not satisfy their equation, its conservation laws and its bounds."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogate as sg

REFERENCE = Path(os.environ.get("SURROGATE_REFERENCE", ""), "data/public")
needs_reference = pytest.mark.skipif(
    not (REFERENCE / "darcy_train_16.pt").exists(), reason="needs the folder named by SURROGATE_REFERENCE"
)


def of_check(report: sg.AuditReport, check: str) -> list[sg.auditing.Finding]:
    """Return the findings of a check."""
    return [one for one in report if one.check == check]


@pytest.fixture(scope="module")
def flows() -> xr.Dataset:
    """Return trajectories of Burgers flow that say nothing of their origin."""
    case = sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=5)
    return sg.generate(case, 12, progress=False).drop_vars("viscosity").drop_attrs(deep=False)


def test_the_equation_is_named_or_made(flows: xr.Dataset) -> None:
    grid = sg.Grid.from_fields(flows)
    solver = sg.solvers.Burgers(grid, viscosity=0.05, dt=0.1, substeps="adaptive")
    case = sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=5)
    named = {"equation": "Burgers", "parameters": {"viscosity": 0.05}}
    for options in (named, {"equation": solver}, {"equation": case}):
        (one,) = of_check(sg.audit(flows.rename(u="speed"), **options), "step residual")
        assert one.severity == "note"
        assert "8 of 12 samples" in one.message


@pytest.mark.parametrize(
    ("viscosity", "severity"), [(0.05, "note"), (0.0505, "note"), (0.052, "warning"), (0.16, "error")]
)
def test_another_viscosity(flows: xr.Dataset, viscosity: float, severity: str) -> None:
    # the change in a step is mostly diffusion here: an error in the viscosity is one of the step
    report = sg.audit(flows, equation="burgers", parameters={"viscosity": viscosity})
    assert of_check(report, "step residual")[0].severity == severity


def test_each_sample_has_its_own_viscosity() -> None:
    own = [0.05, 0.1, 0.2]
    cases = [sg.cases.Burgers(resolution=64, viscosity=viscosity, dt=0.1, steps=3) for viscosity in own]
    parts = [sg.generate(case, 2, progress=False)["u"].drop_vars("sample") for case in cases]
    joined = xr.concat(parts, "sample").to_dataset(name="u")
    values = ("sample", np.repeat(own, 2), {"units": "1"})
    report = sg.audit(joined.assign(viscosity=values), equation="burgers")
    assert [one.severity for one in of_check(report, "step residual")] == ["note"]
    wrong = joined.assign(viscosity=("sample", values[1][::-1].copy(), {"units": "1"}))
    (one,) = of_check(sg.audit(wrong, equation="burgers"), "step residual")
    assert one.samples == (0, 1, 4, 5)


def test_the_error_that_a_file_states_stands_beside_the_residual(flows: xr.Dataset) -> None:
    stated = flows.assign_attrs(convergence='{"relative_difference": 2.5e-6}')
    report = sg.audit(stated, equation="burgers", parameters={"viscosity": 0.05}, samples=None)
    (one,) = of_check(report, "step residual")
    assert "error that the file states: 2.5e-06" in one.message
    assert "60 steps of 12 of 12 samples" in one.message


def test_frames_that_were_left_out_are_stepped_over() -> None:
    fields = sg.generate(sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.05, steps=6), 8, progress=False)
    thinned = fields.isel(time=slice(None, None, 3))
    assert [one.severity for one in of_check(sg.audit(thinned), "step residual")] == ["note"]


def test_frames_that_are_not_resolved_are_not_judged() -> None:
    fields = sg.generate(sg.cases.Burgers(resolution=256, viscosity=0.01, dt=0.1, steps=3), 8, progress=False)
    coarse = fields.isel(x=slice(None, None, 32)).drop_vars("x").drop_attrs(deep=False)
    coarse = coarse.assign_coords(sg.Grid((8,), periodic=True).coordinates())
    report = sg.audit(coarse, equation="burgers")
    assert "not resolved by their grid and not judged" in report.not_applicable["step residual"]


def test_a_mean_that_drifts(flows: xr.Dataset) -> None:
    leaking = flows.assign(u=(flows["u"] * (1 - 0.01 * flows["time"]) + 0.02 * flows["time"]).assign_attrs(units="1"))
    report = sg.audit(leaking, equation="burgers", parameters={"viscosity": 0.05})
    assert [one.severity for one in of_check(report, "conservation")] == ["error"]
    assert "mean drifts" in of_check(report, "conservation")[0].message


def test_energy_that_grows(flows: xr.Dataset) -> None:
    mean = flows["u"].mean("x")
    growing = flows.assign(
        u=(mean + (flows["u"] - mean) * 1000 ** flows["time"].values[:, None]).assign_attrs(units="1")
    )
    findings = of_check(sg.audit(growing, equation="burgers", parameters={"viscosity": 0.05}), "conservation")
    assert "norm grows" in " ".join(one.message for one in findings)


def test_pressure_that_solves_another_problem() -> None:
    fields = sg.generate(sg.cases.Darcy(resolution=24), 9, progress=False)
    fields["pressure"][4] = 1.5 * fields["pressure"][4]
    (one,) = of_check(sg.audit(fields, samples=None), "steady residual")
    assert (one.severity, one.samples) == ("error", (4,))
    assert "up to 0.5" in one.message  # it is linear


@pytest.mark.parametrize("mean", ["harmonic", "arithmetic"])
def test_darcy_flow_by_name(mean: str) -> None:
    location = "cell" if mean == "harmonic" else "node"
    fields = sg.generate(sg.cases.Darcy(resolution=25, location=location), 3, progress=False)
    bare = fields.drop_vars("source").drop_attrs(deep=False).rename(permeability="input", pressure="output")
    report = sg.audit(bare, equation="darcy", parameters={"mean": mean})
    assert [one.severity for one in of_check(report, "steady residual")] == ["note"]
    assert "maximum principle" in report.clean


def test_pressure_below_zero_between_positive_sources() -> None:
    fields = sg.generate(sg.cases.Darcy(resolution=24), 9, progress=False)
    fields["pressure"][7, 3, 5] = -1e-3
    (one,) = of_check(sg.audit(fields), "maximum principle")
    assert (one.severity, one.samples, one.field) == ("error", (7,), "pressure")
    fields["source"] = -fields["source"]
    fields["pressure"] = -fields["pressure"].assign_attrs(units="1")
    fields["pressure"].attrs["units"] = "1"
    (one,) = of_check(sg.audit(fields.drop_attrs(deep=False), equation="darcy"), "maximum principle")
    assert "goes above" in one.message
    assert one.samples == (7,)


@pytest.fixture
def polygons() -> xr.Dataset:
    """Return solutions on meshes that differ by sample, without sources and fluxes in samples 1 and 3."""
    case = sg.cases.PoissonPolygons(nodes=(60, 120))
    inputs = case.inputs(range(5), seed=0)
    for name, count in (("source", "node_count"), ("flux", "boundary_node_count")):
        owner = np.repeat(np.arange(5), inputs[count].values)
        inputs[name].values[np.isin(owner, (1, 3))] = 0.0
    return case.solve(inputs).astype("float32")


def test_solutions_on_meshes_beyond_their_boundary(polygons: xr.Dataset) -> None:
    assert "maximum principle" in sg.audit(polygons, equation="poisson").clean
    ends = np.cumsum(polygons["node_count"].values)
    inside = int(np.setdiff1d(np.arange(ends[0], ends[1]), polygons["boundary_index"].values)[0])
    polygons["u"].values[inside] = 50.0
    report = sg.audit(polygons, equation="poisson")
    (one,) = of_check(report, "maximum principle")
    assert one.samples == (1,)
    (one,) = of_check(report, "steady residual")
    assert one.samples == (1,)
    assert "boundary data" in report.clean


def test_solutions_on_meshes_off_their_boundary_values(polygons: xr.Dataset) -> None:
    held = polygons["boundary_index"].values[polygons["is_dirichlet"].values > 0]
    first = int(polygons["node_count"].values[:2].sum())
    polygons["u"].values[held[held >= first][0]] += 0.1
    (one,) = of_check(sg.audit(polygons, equation="poisson"), "boundary data")
    assert one.samples == (2,)


def test_what_cannot_be_the_equation_is_refused(flows: xr.Dataset) -> None:
    closed = flows.drop_vars("x").assign_coords(sg.Grid((64,)).coordinates())
    with pytest.raises(sg.InputError, match=r"Expected an equation out of .*burgers.*, got 'burger'"):
        sg.audit(flows, equation="burger")
    with pytest.raises(sg.InputError, match="Expected the viscosity of the equation Burgers, got none"):
        sg.audit(flows, equation="burgers")
    with pytest.raises(sg.InputError, match=r"Expected parameters of Burgers out of .*, got .'nu'"):
        sg.audit(flows, equation="burgers", parameters={"nu": 1.0})
    with pytest.raises(sg.InputError, match=r"Expected fields .'permeability', 'pressure'. for Darcy"):
        sg.audit(closed, equation="darcy")
    with pytest.raises(sg.InputError, match="Expected a periodic grid"):
        sg.audit(closed, equation="kdv")
    with pytest.raises(sg.InputError, match="Expected fields on a mesh"):
        sg.audit(flows, equation="poisson")
    with pytest.raises(sg.InputError, match="Expected at least one sample to try"):
        sg.audit(flows, samples=0)


def test_a_case_of_other_points_says_so(flows: xr.Dataset) -> None:
    fields = sg.generate(sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=2), 2, progress=False)
    half = fields.isel(x=slice(None, None, 2)).drop_vars("x").assign_coords(sg.Grid((32,), periodic=True).coordinates())
    assert "Expected fields on Grid" in sg.audit(half).not_applicable["step residual"]
    assert (
        "no solver of its own"
        in sg.audit(sg.generate(sg.cases.InverseDarcy(resolution=17, coarse=5), 2, progress=False)).not_applicable[
            "steady residual"
        ]
    )


@needs_reference
@pytest.mark.parametrize(("file", "samples"), [("darcy_train_16.pt", 12), ("darcy_test_32.pt", 1)])
def test_the_public_darcy_set_breaks_the_maximum_principle(file: str, samples: int) -> None:
    (one,) = of_check(sg.audit(REFERENCE / file, equation="darcy"), "maximum principle")
    with torch.serialization.safe_globals([]):
        pressure = torch.load(REFERENCE / file, weights_only=True)["y"]
    negative = (pressure.flatten(1).amin(1) < 0).nonzero().flatten().tolist()
    assert one.severity == "error"
    assert one.samples == tuple(negative)
    assert len(negative) == samples


@needs_reference
@pytest.mark.parametrize(
    ("file", "equation", "parameters"),
    [
        ("KdV.mat", "kdv", {"convection": 1.0, "dispersion": 0.0025}),
        (
            "KS.mat",
            "kuramoto_sivashinsky",
            {
                "convection": 5 / math.pi,
                "antidiffusion": (5 / math.pi) ** 2 / 15,
                "hyperdiffusion": (5 / math.pi) ** 4 / 3375,
            },
        ),
    ],
)
def test_public_solutions_satisfy_their_equations(file: str, equation: str, parameters: dict[str, float]) -> None:
    opening = {"grid": {"periodic": True}}
    report = sg.audit(REFERENCE / file, equation=equation, parameters=parameters, opening=opening)
    assert not report.of("error") + report.of("warning")
    assert {"step residual", "conservation"} <= set(report.clean)
    wrong = parameters | {"convection": 2.0}
    report = sg.audit(REFERENCE / file, equation=equation, parameters=wrong, opening=opening)
    assert [one.severity for one in of_check(report, "step residual")] == ["error"]
