"""The comparison against numbers that are known beforehand."""

from __future__ import annotations

import inspect
import io
import json
import math
import re

import numpy as np
import pytest
import torch
import xarray as xr
from rich.console import Console
from torch import Tensor

import surrogate as sg
from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.evaluation import Coarse, Comparison, Persistence, TrainingMean, compare
from surrogate.evaluation.members import candidates_of, solvers_of
from surrogate.evaluation.table import cells
from surrogate.operator import Operator, Stepper
from surrogate.solvers import Burgers

CASE = sg.cases.Burgers(resolution=32, viscosity=0.1, dt=0.1, steps=5)


class Off(Stepper):
    """The exact step times ``factor``, and NaN after ``blow_up`` steps."""

    def __init__(
        self,
        factor: float = 1.0,
        *,
        blow_up: int = 1000,
        dt: float = CASE.dt,
        history: int = 1,
        exact: Stepper | None = None,
    ) -> None:
        super().__init__()
        self.exact = exact or Burgers(CASE.grid, viscosity=CASE.viscosity, dt=dt, substeps=40)
        self.in_fields = self.out_fields = ("u",)
        self.domain, self.dt, self.history = CASE.grid, dt, history
        self.factor, self.blow_up = factor, blow_up

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> tuple[Tensor, int]:
        return state[:, -1:], 0

    def step(self, carry: tuple[Tensor, int], forcing: Tensor | None = None) -> tuple[tuple[Tensor, int], Tensor]:
        state, done = carry
        new = self.exact(state)
        shown = torch.full_like(new, math.nan) if done + 1 >= self.blow_up else self.factor * new
        return (new, done + 1), shown


class Renamed(Off):
    """A stepper of another field."""

    def __init__(self) -> None:
        super().__init__()
        self.in_fields = self.out_fields = ("v",)


class Steady(Operator):
    """A steady map of the same field."""

    in_fields, out_fields, domain = ("u",), ("u",), CASE.grid

    def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        return x


@pytest.fixture(scope="module")
def data() -> xr.DataTree:
    fields = sg.generate(CASE, samples=12, seed=3, progress=False)
    return sg.prepare(fields, inputs=["u"], outputs=["u"], split=(6, 2, 4))


@pytest.fixture(scope="module")
def report(data: xr.DataTree) -> Comparison:
    return compare({"off <1 %>": Off(1.01)}, data["test"], time_budget=2.0, progress=False)


def test_errors_are_those_put_in(report: Comparison) -> None:
    # every frame is 1.01 times the exact one; the solver of the fake leaves 1e-7
    assert report.rows[0].error == pytest.approx(0.01, rel=1e-4)
    np.testing.assert_allclose(report.scores["relative_l2"].sel(member="off <1 %>"), 0.01, rtol=1e-4)
    assert report.rows[0].statistics.correlated_until == pytest.approx(0.5)
    assert report.rows[0].statistics.censored


def test_the_reference_is_finer_than_all_and_its_error_is_known(report: Comparison) -> None:
    settings = report.provenance["reference"]
    assert settings["resolution"] >= 64
    assert settings["substeps"] >= 2 * max(choice.substeps for choice in CASE.ladder())
    assert settings["refined"]["resolution"] == 2 * settings["resolution"]
    assert report.floor is not None
    assert 0 < report.floor < 1e-8


def test_the_solver_of_the_data_is_named_and_competes(report: Comparison) -> None:
    noted = [row for row in report.rows if "made the data" in row.note]
    assert [row.kind for row in noted] == ["solver"]
    assert f"* {noted[0].name}: the solver that made the data." in str(report).replace("\n", " ")


def test_in_a_narrow_terminal_every_number_stands_whole(report: Comparison) -> None:
    printed = io.StringIO()
    Console(file=printed, width=80, color_system=None).print(report)
    assert "…" not in printed.getvalue()
    for row in report.rows:
        assert all(cell in printed.getvalue() for cell in cells(row, report)[1:])


def test_trivial_predictions_take_part(report: Comparison, data: xr.DataTree) -> None:
    test, train = data["test"]["u"].values, data["train"]["u"].values
    later, scale = test[:, 1:].astype(float), np.sqrt(np.square(test[:, 1:]).sum(axis=(1, 2)))
    persistence = np.sqrt(np.square(later - test[:, :1]).sum(axis=(1, 2))) / scale
    mean = np.sqrt(np.square(later - train[:, 1:].astype(float).mean(axis=0)).sum(axis=(1, 2))) / scale
    # the truth is float32 and has the error of its solver; the reference has not
    np.testing.assert_allclose(report.scores["error"].sel(member="persistence"), persistence, rtol=1e-4)
    np.testing.assert_allclose(report.scores["error"].sel(member="training mean"), mean, rtol=1e-4)


def test_the_verdict_follows_from_errors_and_costs(report: Comparison) -> None:
    row, verdict = report.rows[0], report.verdicts[0]
    assert row.cost is not None
    assert verdict.match is not None
    cheaper = [
        other
        for other in report.rows
        if other.kind == "solver" and other.cost is not None
        if other.error <= row.error and other.cost.single.median <= row.cost.single.median
    ]
    assert cheaper, "40 substeps a frame are slower than a coarse solver"
    assert verdict.match.status == "the solver dominates"
    assert "the solver dominates" in verdict.sentence
    assert verdict.break_even_samples == math.inf


def test_mean_of_burgers_does_not_drift(report: Comparison) -> None:
    assert report.rows[0].statistics.drifts["mean"] < 1e-12  # zero mean times 1.01 is zero mean


def test_json_round_trip(report: Comparison) -> None:
    content = json.loads(report.to_json(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert content["members"][0]["statistics"]["error"] == report.rows[0].error
    assert content["verdicts"][0]["break_even_samples"] == "inf"
    assert content["provenance"]["case"] == CASE.settings
    np.testing.assert_array_equal(
        content["relative_l2_over_time"]["persistence"],
        report.scores["relative_l2"].sel(member="persistence").mean(["sample", "field"]),
    )


def test_page_is_one_file_and_escapes_names(report: Comparison, tmp_path) -> None:  # type: ignore[no-untyped-def]
    report.save(tmp_path / "report")
    html = (tmp_path / "report" / "report.html").read_text()
    outside = re.sub(r'src="data:image/png;base64,[A-Za-z0-9+/=]+"', "", html)
    assert not re.search(r"https?:|//|src=|href=|<link|<script|@import|url\(", outside)
    assert html.count("data:image/png") == 4
    assert "off &lt;1 %&gt;" in html
    assert "<1 %>" not in html
    assert "the solver dominates" in html
    assert "its own error" in html
    assert all(
        words in html for words in ("Errors by field", "VRMSE", "log-spectral distance", "correlation 0.9 until")
    )
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {"report.html", "report.json"} | {
        f"{name}.png" for name in ("cost_accuracy", "error_over_time", "panels", "spectra")
    }
    with pytest.raises(InputError, match="a folder without a report"):
        report.save(tmp_path / "report")
    report.save(tmp_path / "report", overwrite=True)


def test_a_candidate_that_blows_up_stays_in_the_table(data: xr.DataTree) -> None:
    report = compare({"off": Off(1.01, blow_up=3)}, data["test"], solvers={}, time_budget=0.0, progress=False)
    row = report.rows[0]
    assert (row.error, row.statistics.blown_up, row.statistics.blown_up_at) == (math.inf, 1.0, 3)
    np.testing.assert_allclose(
        report.scores["relative_l2"].sel(member="off").isel(sample=0, field=0), [0.01, 0.01, *[math.inf] * 3], rtol=1e-4
    )
    assert "blew up in 100% of the samples, the first at frame 3" in report.verdicts[0].sentence
    assert "blew up at 3" in str(report)


def test_a_solver_that_blows_up_stays_in_the_table_and_off_the_front(data: xr.DataTree, tmp_path) -> None:  # type: ignore[no-untyped-def]
    report = compare(
        {"off": Off(1.01)},
        data["test"],
        solvers={"broken": Off(blow_up=2), "fine": CASE.solver(16)},
        time_budget=0.0,
        progress=False,
    )
    rows = {row.name: row for row in report.rows}
    assert rows["broken"].cost is None
    assert rows["broken"].statistics.blown_up_at == 2
    assert math.isfinite(rows["fine"].error)
    report.save(tmp_path)


def test_errors_at_the_level_of_the_reference_are_not_ranked() -> None:
    case = sg.cases.Burgers(resolution=32, viscosity=0.02, dt=0.1, steps=2)
    truth = sg.generate(case, samples=2, progress=False)
    # a "surrogate" that is better than the reference of 64 points: its error is that of the reference
    better = Off(exact=Coarse(case.solver(256, 500), case.grid))
    report = compare({"better": better, "off": Off(1.01)}, truth, solvers={}, time_budget=0.0, progress=False)
    assert report.provenance["reference"]["resolution"] == 64
    assert report.floor == pytest.approx(report.rows[0].statistics.worst, rel=0.1)
    assert [row.ranked for row in report.rows[:2]] == [False, True]
    assert "not ranked" in report.verdicts[0].sentence
    assert "(not ranked)" in str(report)


def test_without_a_case_the_truth_is_the_reference(data: xr.DataTree) -> None:
    truth = data["test"].to_dataset().drop_attrs()
    for name, variable in data["test"].to_dataset().variables.items():
        truth[name].attrs = variable.attrs
    truth.attrs = {"history": 1, "horizon": 1}
    report = compare({"off": Off(1.01)}, truth, time_budget=0.0, progress=False)
    assert report.floor is None
    assert [row.kind for row in report.rows] == ["surrogate", "baseline"]
    assert "its own error is not known" in str(report)
    assert "there is no solver to compare with" in report.verdicts[0].sentence
    assert "No training mean" in str(report)
    with pytest.raises(InputError, match="solvers at most as fine as the truth"):
        compare({"off": Off()}, truth, solvers={"finer": CASE.solver(64)}, progress=False)


def test_steppers_of_different_time_steps_meet_at_common_times(data: xr.DataTree) -> None:
    report = compare(
        {"double": Off(1.01, dt=0.2), "half": Off(1.02, dt=0.05), "late": Off(1.03, history=2)},
        data["test"],
        solvers={},
        time_budget=0.0,
        progress=False,
    )
    np.testing.assert_allclose(report.scores["time"], [0.2, 0.4])
    for name, error in (("double", 0.01), ("half", 0.02), ("late", 0.03)):
        np.testing.assert_allclose(report.scores["relative_l2"].sel(member=name), error, rtol=1e-3)


def test_quantities_of_the_user(data: xr.DataTree) -> None:
    def peak(fields: xr.Dataset) -> xr.DataArray:
        return fields["u"].isel(time=-1).max("x")

    report = compare(
        {"off": Off(1.01)}, data["test"], solvers={}, quantities={"peak": peak}, time_budget=0.0, progress=False
    )
    found = report.rows[0].quantities["peak"]
    assert found["relative_error"] == pytest.approx(0.01, rel=1e-3)
    assert found["rank_correlation"] == pytest.approx(1.0)
    with pytest.raises(InputError, match="one number per sample from quantity 'all'"):
        compare(
            {"off": Off()}, data["test"], solvers={}, quantities={"all": lambda fields: fields["u"]}, progress=False
        )


def test_steady_maps(tmp_path) -> None:  # type: ignore[no-untyped-def]
    grid = Grid((6, 5))
    a = np.random.default_rng(0).standard_normal((10, 6, 5)).astype("float32")
    attrs = {"units": "1"}
    variables = {"a": (("sample", "x", "y"), a, attrs), "u": (("sample", "x", "y"), 2 * a, attrs)}
    fields = xr.Dataset(variables, grid.coordinates())
    data = sg.prepare(fields, inputs=["a"], outputs=["u"], split=(6, 2, 2))

    class Times(Operator):
        in_fields, out_fields, domain = ("a",), ("u",), grid

        def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
            return 2.1 * x

    report = compare({"times": Times()}, data["test"], time_budget=0.0, progress=False)
    assert report.rows[0].error == pytest.approx(0.05, rel=1e-5)
    truth, mean = data["test"]["u"].values, data["train"]["u"].values.mean(axis=0)
    by_hand = np.linalg.norm((truth - mean).reshape(2, -1), axis=1) / np.linalg.norm(truth.reshape(2, -1), axis=1)
    np.testing.assert_allclose(report.scores["error"].sel(member="training mean"), by_hand, rtol=1e-5)
    report.save(tmp_path)
    assert {path.stem for path in tmp_path.glob("*.png")} == {"cost_accuracy", "panels"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"candidates": {}}, "at least one candidate"),
        ({"candidates": {"a": Off(dt=0.07)}}, "a multiple of the truth's time step 0.1 as dt of 'a'"),
        ({"candidates": {"a": CASE.solver(16)}}, "fields on"),
        ({"candidates": {"persistence": Off()}, "solvers": {}}, "names that differ, got 'persistence' twice"),
        ({"candidates": {"a": Renamed()}, "solvers": {}}, "a field 'v'"),
        ({"candidates": {"a": Off(), "b": Renamed()}}, r"candidates that predict \('u',\), got \('v',\) of 'b'"),
        ({"candidates": {"a": Off(), "b": Steady()}}, "candidates of one kind"),
        ({"solvers": {"steady": Steady()}}, "solvers of the kind of the candidates"),
        ({"device": "cpu", "devices": ["cpu"]}, "`device`, or different `devices`"),
        ({"devices": ["cpu", "cpu"]}, "`device`, or different `devices`"),
        ({"devices": []}, "`device`, or different `devices`"),
        ({"devices": ["abacus"]}, "a device such as 'cpu' or 'cuda'"),
        ({"steps": 6}, "a truth long enough for 6 steps"),
        ({"samples": 5}, "1 to 4 samples"),
        (
            {"case": sg.cases.Burgers(resolution=32, viscosity=0.1, dt=0.03, steps=5)},
            "a multiple of the truth's time step",
        ),
    ],
)
def test_bad_input(data: xr.DataTree, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        compare(**{"candidates": {"off": Off()}, "truth": data["test"], "progress": False, **arguments})  # type: ignore[arg-type]


def test_what_is_no_operator_is_refused(data: xr.DataTree) -> None:
    truth, net = data["test"].to_dataset(), {"net": torch.nn.Linear(1, 1)}  # the type checker of the tests is quicker
    with pytest.raises(InputError, match="a surrogate or a solver as 'net'"):
        inspect.unwrap(candidates_of)(net, truth)
    with pytest.raises(InputError, match="a solver as 'net'"):
        inspect.unwrap(solvers_of)(net, None, truth)


def test_truth_at_times_that_its_case_does_not_have_is_refused(data: xr.DataTree) -> None:
    truth = data["test"].to_dataset()
    shifted = truth.assign_coords(time=truth["time"] + 0.05)
    with pytest.raises(InputError, match="times that are multiples of the case's dt"):
        compare({"off": Off()}, shifted, solvers={}, progress=False)


def test_truth_of_another_seed_is_refused(data: xr.DataTree) -> None:
    truth = data["test"].to_dataset().assign_attrs(seed=4)
    with pytest.raises(InputError, match="the truth of this case and its seed"):
        compare({"off": Off()}, truth, solvers={}, progress=False)


def test_coarse_is_the_solver_between_two_interpolations() -> None:
    solver = CASE.solver(16)
    coarse = Coarse(solver, CASE.grid)
    x = CASE.grid.unit_coordinates(dtype=torch.float64)[None, None, :, 0]
    u = torch.sin(2 * math.pi * x) + 0.3 * torch.cos(4 * math.pi * x)
    carry, new = coarse.step(coarse.init(u))
    inner = solver(u[..., ::2])
    torch.testing.assert_close(new[..., ::2], inner, rtol=0, atol=1e-13)
    assert carry.modes.shape == solver.init(inner).modes.shape  # the carry stays coarse
    with pytest.raises(InputError, match="a solver on the box of"):
        Coarse(solver, Grid((32,), extent=(2.0,), periodic=True))
    with pytest.raises(InputError, match="fields on"):
        coarse.check_domain(solver.domain)


def test_baselines_are_steppers(data: xr.DataTree) -> None:
    test = data["test"].to_dataset()
    still = sg.rollout(Persistence(("u",), CASE.grid, dt=0.1), test, steps=3, progress=False)
    np.testing.assert_array_equal(still["u"], test["u"].isel(time=[0, 0, 0]))
    train = data["train"].to_dataset().isel(time=slice(1, None))
    mean = sg.rollout(TrainingMean(train, ("u",), dt=0.1), test, steps=3, progress=False)
    expected = train["u"].astype("float64").mean("sample").isel(time=slice(3))
    np.testing.assert_allclose(mean["u"].isel(sample=2), expected, rtol=1e-12)
