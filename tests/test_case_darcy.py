"""The Darcy case, from generated data to a network and its comparison with the solver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

import surrogate as sg
from surrogate.cases import Darcy, SteadyCase
from surrogate.datasets import InputError, open_dataset, resample
from surrogate.evaluation.coarse_steady import CoarseSteady
from surrogate.evaluation.members import MADE_THE_DATA
from surrogate.operator import Operator
from surrogate.solvers.initial import LogNormal, NeumannRandomField, TwoPhase

CASE = Darcy(16)
SMOOTH = Darcy(16, permeability=LogNormal(field=NeumannRandomField(n_frequencies=6)))


class Scaled(Operator):
    """The solution times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.solver, self.factor = CASE.solver(), factor
        self.domain, self.in_fields, self.out_fields = self.solver.domain, ("permeability",), ("pressure",)

    def forward(self, x: Tensor, static: None = None, parameters: None = None) -> Tensor:
        return self.factor * self.solver(x)


def difference(one: xr.DataArray, two: xr.DataArray) -> float:
    return float(np.linalg.norm(one.values - two.values) / np.linalg.norm(two.values))


def test_generated_files_satisfy_the_equation(tmp_path: Path) -> None:
    """With an equation for each cell, written out: what flows out of it is the source."""
    sg.generate(CASE, 3, tmp_path / "darcy.h5", seed=1, dtype="float64", progress=False)
    fields = open_dataset(tmp_path / "darcy.h5")
    assert isinstance(CASE, SteadyCase)
    assert Darcy.from_settings(json.loads(fields.attrs["case"])) == CASE
    assert json.loads(fields.attrs["solver"]) == CASE.solver().settings
    assert CASE.solver().settings["solver"] == "Darcy"
    assert fields["source"] == 1.0
    a, p = (np.pad(fields[name].values, ((0, 0), (1, 1), (1, 1)), "edge") for name in ("permeability", "pressure"))
    for edge in (np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]):
        p[edge] *= -1  # the mirror image, so that p = 0 on the side
    leaving = np.zeros((3, 16, 16))
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        a_next, p_next = (np.roll(v, shift, axis=(1, 2))[:, 1:-1, 1:-1] for v in (a, p))
        own = a[:, 1:-1, 1:-1]
        leaving += 2 * own * a_next / (own + a_next) * (p[:, 1:-1, 1:-1] - p_next)
    np.testing.assert_allclose(leaving, 1 / 16**2, rtol=1e-5)


def test_a_sample_depends_on_seed_and_index_only() -> None:
    many = sg.generate(CASE, 5, seed=2, batch_size=2, progress=False)
    few = sg.generate(CASE, 3, seed=2, progress=False)
    for name in ("permeability", "pressure"):
        np.testing.assert_allclose(many[name][:3], few[name], rtol=1e-6)  # of float32
    assert difference(many["pressure"][0], many["pressure"][1]) > 0.01


@pytest.mark.parametrize("location", ["cell", "node"])
def test_smooth_samples_converge_with_second_order(location: Any) -> None:
    """Against a finer solution at common points: thirds of cells, halves of intervals between nodes."""
    case = Darcy(9, permeability=SMOOTH.permeability, location=location)
    solutions = {
        n: case.solve(case.inputs([0, 1], seed=0, resolution=n))["pressure"]
        for n in ([9, 27, 243] if location == "cell" else [9, 17, 129])
    }
    (coarse, fine, finest), step = solutions.values(), 3 if location == "cell" else 2
    errors = []
    for solution in (coarse, fine):
        every = (finest.sizes["x"] - (location == "node")) // (solution.sizes["x"] - (location == "node"))
        first = every // 2 if location == "cell" else 0
        common = slice(first, None, every)
        errors.append(difference(solution, finest[:, common, common]))
    assert np.log(errors[0] / errors[1]) / np.log(step) == pytest.approx(2.0, abs=0.15)


def test_the_two_discretizations_agree_in_the_limit() -> None:
    """Of a smooth permeability, to the error of second order: on 33 nodes and on 96 cells, at the inner nodes."""
    cells, nodes = (Darcy(9, permeability=SMOOTH.permeability, location=where) for where in ("cell", "node"))
    fine = cells.solve(cells.inputs([3], seed=0, resolution=96))
    found = nodes.solve(nodes.inputs([3], seed=0, resolution=33))["pressure"][:, 1:-1, 1:-1]
    between = resample(fine[["pressure"]], nodes._grid(33))["pressure"][:, 1:-1, 1:-1]
    assert difference(found, between) < 3e-3


def test_the_ladder_leads_from_coarse_to_exact() -> None:
    case = Darcy(32)
    fields = case.solve(case.inputs(range(4), seed=0))
    errors = []
    for name, solver in case.ladder().items():
        operator = solver if solver.domain == case.grid else CoarseSteady(solver, case.grid)
        errors.append(difference(sg.predict(operator, fields)["pressure"], fields["pressure"]))
        assert f"n={solver.domain.shape[0]}" in name
    assert len(errors) == 6
    assert errors[-1] == 0.0
    assert errors[0] > errors[1] > errors[4]  # n=8, n=16, and n=32 at the same tolerance
    assert errors[2] > errors[3] > errors[4]  # tolerances
    assert 0.03 < errors[0] < 0.3


def test_coarse_solvers_are_of_second_order_on_smooth_fields() -> None:
    case = Darcy(64, permeability=SMOOTH.permeability)
    fields = case.solve(case.inputs(range(2), seed=0))
    errors = [
        difference(sg.predict(CoarseSteady(case.solver(n), case.grid), fields)["pressure"], fields["pressure"])
        for n in (8, 16, 32)
    ]
    assert np.all(np.diff(np.log2(errors)) < -1.8)


@pytest.fixture(scope="module")
def data() -> xr.DataTree:
    fields = sg.generate(CASE, 24, progress=False)
    return sg.prepare(fields, inputs=["permeability"], outputs=["pressure"], split=(16, 4, 4))


def test_a_network_beside_the_solvers(data: xr.DataTree, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = sg.models.FNO.for_data(data, hidden_channels=8, n_layers=1)
    model = sg.fit(network, data, epochs=2, batch_size=8)
    candidates = {"fno": model, "ten percent": Scaled(1.1)}
    report = sg.compare(candidates, data["test"], time_budget=2.0, progress=False)
    fine = CASE.refined(data["test"]["sample"].values.tolist(), seed=0, level=1)
    expected = sg.relative_error(model.predict(data["test"]), fine)
    rows = {row.name: row for row in report.rows}
    np.testing.assert_allclose(report.scores["error"].sel(member="fno"), expected, rtol=1e-6)
    assert [row.name for row in report.rows if row.kind == "solver"] == list(CASE.ladder())
    assert rows["n=16, float64"].note == MADE_THE_DATA
    own = sg.relative_error(data["test"]["pressure"], fine)
    assert rows["n=16, float64"].error == pytest.approx(float(own.mean()), rel=1e-5)
    assert rows["training mean"].error > rows["nearest sample"].error > rows["linear"].error
    assert report.floor is not None
    assert float(own.max()) / 10 < report.floor < float(own.max())  # three times as fine, of first order at best
    assert f"against a solution at least twice as fine again, is {report.floor:.2g}" in " ".join(str(report).split())
    assert "the solver dominates" in str(report)
    report.save(tmp_path)
    assert (tmp_path / "report.html").exists()


def test_solvers_finer_than_the_truth_stay_out(data: xr.DataTree) -> None:
    coarse = resample(data["test"].to_dataset(), CASE.grid.with_shape((8, 8)), method="conservative")
    candidate = Darcy(8).solver()
    report = sg.compare({"itself": candidate}, coarse, case=CASE, time_budget=1.0, progress=False)
    assert [row.name for row in report.rows] == ["itself", "n=8, tolerance 1e-3, float32"]


def test_settings_identify_the_case() -> None:
    for case in (CASE, SMOOTH, Darcy(8, 2.0, location="node"), Darcy.published("fno")):
        assert Darcy.from_settings(json.loads(json.dumps(case.settings))) == case
    with pytest.raises(InputError, match="settings of the case Darcy, got Burgers"):
        Darcy.from_settings(CASE.settings | {"case": "Burgers"})


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InputError, match="at least 4 points along each axis, got 3"):
        Darcy(3)
    with pytest.raises(InputError, match=r"a source that is not zero, got 0\.0"):
        Darcy(8, 0.0)
    with pytest.raises(InputError, match="two positive values"):
        Darcy(8, permeability=TwoPhase(-1.0, 2.0))
    with pytest.raises(InputError, match="one of fno, got pdebench"):
        Darcy.published("pdebench")
    with pytest.raises(InputError, match="at least one sample, got none"):
        CASE.inputs([], seed=0)
    with pytest.raises(InputError, match="a solver on the box of"):
        CoarseSteady(Darcy(8, location="node").solver(), CASE.grid)
    with pytest.raises(InputError, match="Make `CoarseSteady` for the grid of the fields"):
        sg.predict(CoarseSteady(CASE.solver(8), CASE.grid), Darcy(12).inputs([0], seed=0))


def test_published_data_can_be_thinned_to_the_published_grids() -> None:
    case = Darcy(43, location="node", permeability=SMOOTH.permeability)  # 421 in the literature: 420 = 10 * 42
    fields = case.solve(case.inputs([0], seed=0))
    for every in (2, 3, 6):
        thin = fields.isel(x=slice(None, None, every), y=slice(None, None, every))
        assert sg.Grid.from_fields(thin) == case._grid(42 // every + 1)
    grid = Darcy.published("fno").grid
    assert [(grid.shape[0] - 1) // every + 1 for every in (5, 3, 2)] == [85, 141, 211]
