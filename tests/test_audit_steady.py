"""An audit finds steady solutions that do not satisfy their equation, its boundary and its bounds."""

from __future__ import annotations

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


def test_pressure_that_solves_another_problem() -> None:
    fields = sg.generate(sg.cases.Darcy(resolution=24), 9, progress=False)
    fields["pressure"][4] = 1.5 * fields["pressure"][4]
    (one,) = of_check(sg.audit(fields, samples=None), "steady residual")
    assert (one.severity, one.samples) == ("error", (4,))
    assert "up to 0.5" in one.message  # it is linear


def test_a_pressure_that_is_not_finite_solves_nothing() -> None:
    fields = sg.generate(sg.cases.Darcy(resolution=16), 9, progress=False)
    fields["pressure"][4, 3, 5] = np.nan
    (one,) = of_check(sg.audit(fields, samples=None), "steady residual")
    assert (one.severity, one.samples) == ("error", (4,))


def test_darcy_flow_off_sides_that_only_the_equation_names() -> None:
    fields = sg.generate(sg.cases.Darcy(resolution=17, location="node"), 4, progress=False).drop_attrs()
    assert "boundary data" in sg.audit(fields, equation="darcy").clean
    fields["pressure"][2, 5:8, -1] = 0.01
    (one,) = of_check(sg.audit(fields, equation="darcy"), "boundary data")
    assert one.samples == (2,)
    assert one.message == "is off its value 0 at the last point of 'y' by up to 0.01 in 1 of 4 samples (2)"


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
