"""The comparison on meshes that differ by sample, against members whose errors are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

import surrogate as sg
from surrogate.datasets import InputError, Points
from surrogate.evaluation import Comparison
from surrogate.evaluation.members import MADE_THE_DATA
from surrogate.operator import Operator


class Scaled(Operator):
    """The solution times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.solver, self.factor = sg.cases.PoissonPolygons().solver(), factor
        self.domain, self.functions = self.solver.domain, self.solver.functions
        self.in_fields, self.out_fields = self.solver.in_fields, self.solver.out_fields

    def forward(self, x: Sequence[Points], static: None = None, parameters: None = None) -> Tensor:
        return self.factor * self.solver(x)


def peak(fields: xr.Dataset) -> xr.DataArray:
    """Return the largest value of each sample."""
    ends = np.cumsum(fields["node_count"].values)[:-1]
    return xr.DataArray([part.max() for part in np.split(fields["u"].values, ends)], dims="sample")


@pytest.fixture(scope="module")
def report(polygons: xr.DataTree) -> Comparison:
    candidates = {"ten percent": Scaled(1.1), "broken": Scaled(float("nan"))}
    return sg.compare(candidates, polygons["test"], quantities={"peak": peak}, time_budget=2.0, progress=False)


def test_errors_are_those_of_the_members(report: Comparison) -> None:
    error = report.scores["error"]
    assert error.sel(member="ten percent").values == pytest.approx(0.1, rel=1e-5)  # the data are float32
    assert np.isinf(error.sel(member="broken")).all()
    assert error.sel(member="finite elements, P1").max() < 1e-5
    quantities = {row.name: row.quantities["peak"]["relative_error"] for row in report.rows}
    assert quantities["ten percent"] == pytest.approx(0.1, rel=1e-4)


def test_solver_and_trivial_predictions_take_part(report: Comparison) -> None:
    rows = {row.name: row for row in report.rows}
    assert list(rows) == [
        "ten percent",
        "broken",
        "finite elements, P1",
        "training mean",
        "nearest sample",
        "ridge",
    ]
    assert rows["finite elements, P1"].note == MADE_THE_DATA
    assert rows["finite elements, P1"].cost is not None
    assert rows["ridge"].cost is None
    assert 0.1 < rows["ridge"].error < rows["training mean"].error
    assert "no ratio" in str(report) or "the solver dominates" in str(report)
    assert "The truth itself is the reference" in str(report)
    assert "last frame" not in str(report)


def test_one_sample_is_drawn_on_its_mesh(report: Comparison, tmp_path: Path) -> None:
    assert sg.Mesh.from_fields(report.examples).n_points == report.examples.sizes["node"]
    assert list(report.examples["member"].values) == ["reference", "ten percent", "broken"]
    report.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {"report.html", "panels.png", "cost_accuracy.png"}


def test_baselines_need_the_training_part(polygons: xr.DataTree) -> None:
    alone = polygons["test"].to_dataset()
    report = sg.compare({"itself": Scaled(1.0)}, alone, solvers={}, samples=2, time_budget=1.0, progress=False)
    assert [row.name for row in report.rows] == ["itself"]
    assert report.scores.sizes["sample"] == 2
    assert "No training mean and the like" in str(report)
    assert "there is no solver to compare with" in str(report)


def test_steps_are_not_for_steady_maps(polygons: xr.DataTree) -> None:
    with pytest.raises(InputError, match="no `steps` for steady maps, got 3"):
        sg.compare({"itself": Scaled(1.0)}, polygons["test"], steps=3, progress=False)


def test_predictions_are_those_of_predict(polygons: xr.DataTree) -> None:
    torch.manual_seed(0)
    network = sg.models.GNOT.for_data(polygons, hidden_channels=8, n_layers=1)
    model = sg.fit(network, polygons, epochs=1, batch_size=8)
    test = polygons["test"]
    with pytest.warns(sg.datasets.OutsideTrainingRange):
        report = sg.compare({"gnot": model}, test, solvers={}, time_budget=1.0, progress=False)
    with pytest.warns(sg.datasets.OutsideTrainingRange):
        expected = sg.relative_error(model.predict(test), test)
    np.testing.assert_allclose(report.scores["error"].sel(member="gnot"), expected, rtol=1e-6)
