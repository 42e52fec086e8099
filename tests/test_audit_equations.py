"""An audit finds data that do not follow their equation in time and its conservation laws."""

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


def test_frames_of_a_case_that_its_grid_does_not_resolve() -> None:
    fields = sg.generate(sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=3), 8, progress=False)
    fields["u"][..., 0] += 0.3  # at one point, always the same: means, jumps and ranges stay as they are
    (one,) = of_check(sg.audit(fields), "step residual")
    assert one.severity == "warning"
    assert "not resolved" in one.message
    assert "the solver that the data name refuses such" in one.message


def test_samples_with_stiffer_constants_than_the_first() -> None:
    grid = sg.Grid((128,), periodic=True)
    rates = np.array([5.0, 10.0, 20.0])
    start = 0.4 * np.sin(2 * np.pi * grid.axes[0]) + 0.1
    frames = []
    for rate in rates:
        solver = sg.solvers.AllenCahn(grid, diffusivity=1e-2, rate=rate, dt=0.1, substeps=200)
        state = torch.from_numpy(start)[None, None]
        frames.append([start, solver(state)[0, 0].numpy()])
    variables = {
        "u": (("sample", "time", "x"), np.array(frames), {"units": "1"}),
        "rate": ("sample", rates, {"units": "1"}),
        "diffusivity": ((), 1e-2, {"units": "1"}),
    }
    times = {"time": ("time", [0.0, 0.1], {"units": "1"})}
    fields = xr.Dataset(variables, coords={**grid.coordinates(), **times})
    # two substeps, which are stable for the first, leave an error of 2 % in the step of the last
    assert [one.severity for one in of_check(sg.audit(fields, equation="allen_cahn"), "step residual")] == ["note"]
    fields["rate"] = fields["rate"] * 1.05
    fields["rate"].attrs["units"] = "1"
    assert [one.severity for one in of_check(sg.audit(fields, equation="allen_cahn"), "step residual")] == ["warning"]


def test_components_of_a_constant_are_taken_from_the_data() -> None:
    grid = sg.Grid((24, 20), periodic=True)
    x, y = np.meshgrid(*grid.axes, indexing="ij")
    times = np.array([0.0, 0.05, 0.1])
    u = [np.sin(2 * np.pi * (x - 0.5 * t)) + np.cos(2 * np.pi * (y + 2.0 * t)) for t in times]
    variables = {
        "u": (("time", "x", "y"), np.array(u), {"units": "1"}),
        "velocity_x": ((), 0.5, {"units": "1"}),
        "velocity_y": ((), -2.0, {"units": "1"}),
    }
    fields = xr.Dataset(variables, coords={**grid.coordinates(), "time": ("time", times, {"units": "1"})})
    assert "step residual" in sg.audit(fields, equation="advection").clean
    turned = fields.rename(velocity_x="velocity_y", velocity_y="velocity_x")
    assert [one.severity for one in of_check(sg.audit(turned, equation="advection"), "step residual")] == ["error"]


def test_runs_that_start_from_rest_drift_no_more_than_others() -> None:
    grid = sg.Grid((32, 32), extent=(2 * math.pi, 2 * math.pi), periodic=True)
    forcing = sg.solvers.KolmogorovForcing(wavenumber=2)
    solver = sg.solvers.NavierStokes2D(grid, viscosity=0.1, dt=0.1, substeps=4, forcing=forcing)
    frames = [torch.zeros(1, 1, 32, 32, dtype=torch.float64)]
    for _ in range(3):
        frames.append(solver(frames[-1]))
    values = torch.cat(frames).numpy().astype(np.float32)[None, :, 0]
    coords = {**grid.coordinates(), "time": ("time", 0.1 * np.arange(4), {"units": "1"})}
    fields = xr.Dataset({"vorticity": (("sample", "time", "x", "y"), values, {"units": "1"})}, coords=coords)
    assert "conservation" in sg.audit(fields, equation=solver).clean
    fields["vorticity"][0, 1:] += 1e-3
    assert [one.severity for one in of_check(sg.audit(fields, equation=solver), "conservation")] == ["warning"]


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
    with pytest.raises(sg.InputError, match="Expected a number as viscosity of the equation Burgers, got 'thick'"):
        sg.audit(flows, equation="burgers", parameters={"viscosity": "thick"})
    with pytest.raises(sg.InputError, match="Expected the name of the equation whose parameters are given, got None"):
        sg.audit(flows, parameters={"viscosity": 0.05})
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
