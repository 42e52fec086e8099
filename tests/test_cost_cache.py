"""Stored times: used where everything is the same, and only there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import xarray as xr

import surrogate as sg
from surrogate.evaluation import cost_cache
from surrogate.evaluation.cost_cache import CostCache, default_folder
from surrogate.evaluation.tasks import RolloutTask
from surrogate.initial_value import initial_value
from surrogate.operator import Stepper

CASE = sg.cases.Burgers(resolution=32, viscosity=0.1, dt=0.1, steps=3)


@pytest.fixture(scope="module")
def truth() -> xr.Dataset:
    return sg.generate(CASE, samples=2, progress=False)


def task(truth: xr.Dataset, *, solver: Stepper | None = None, steps: int = 3) -> RolloutTask:
    solver = solver or CASE.solver(32, 4)
    return RolloutTask(solver, torch.device("cpu"), initial_value(solver, truth), steps)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[RolloutTask]:
    """Record what is measured."""
    calls: list[RolloutTask] = []
    real = cost_cache.cost

    def spy(given: RolloutTask, *, budget: float | None = None) -> cost_cache.Cost:
        calls.append(given)
        return real(given, budget=0.0)

    monkeypatch.setattr(cost_cache, "cost", spy)
    monkeypatch.setattr(cost_cache, "_CHANGED", 1e6)  # other jobs may slow this machine down
    return calls


def test_the_second_time_is_the_first(truth: xr.Dataset, measured: list[RolloutTask], tmp_path: Path) -> None:
    first = CostCache(tmp_path).measure(task(truth), "case", budget=1.0)
    again = CostCache(tmp_path)
    assert again.measure(task(truth), "case", budget=1.0) == first
    assert len(measured) == 1
    assert again.notes == [f"Times of 1 solvers are from {str(tmp_path)!r}."]
    assert not list(tmp_path.glob(".*"))  # whole files only


def test_everything_that_matters_is_in_the_key(
    truth: xr.Dataset, measured: list[RolloutTask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used(given: RolloutTask, case: str = "case") -> bool:
        before = len(measured)
        CostCache(tmp_path).measure(given, case, budget=1.0)
        return len(measured) == before

    assert not used(task(truth))
    assert used(task(truth))
    assert not used(task(truth), "another case")
    assert not used(task(truth, steps=2))
    assert not used(task(truth, solver=CASE.solver(32, 5)))
    assert not used(task(truth, solver=CASE.solver(32, 4, torch.float32)))
    assert not used(replace(task(truth), every=3))
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    assert not used(task(truth))
    monkeypatch.undo()


def test_refresh_and_complete_measurements(truth: xr.Dataset, measured: list[RolloutTask], tmp_path: Path) -> None:
    CostCache(tmp_path).measure(task(truth), None, budget=1.0)
    CostCache(tmp_path, refresh=True).measure(task(truth), None, budget=1.0)
    CostCache(tmp_path).measure(task(truth), None, budget=None)  # the stored one was cut short
    assert len(measured) == 3
    for budget in (None, 1.0):
        CostCache(tmp_path).measure(task(truth), None, budget=budget)
    assert len(measured) == 3
    assert len(list(tmp_path.iterdir())) == 1


def test_a_time_that_no_longer_holds_is_measured_anew(
    truth: xr.Dataset, measured: list[RolloutTask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CostCache(tmp_path).measure(task(truth), None, budget=1.0)
    (file,) = tmp_path.iterdir()
    content = json.loads(file.read_text())
    content["cost"]["single"]["median"] *= 1e-9
    file.write_text(json.dumps(content))
    monkeypatch.setattr(cost_cache, "_CHANGED", 1.5)
    cache = CostCache(tmp_path)
    cache.measure(task(truth), None, budget=1.0)
    assert len(measured) == 2
    assert "no longer hold" in cache.notes[0]


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _without_median(text: str) -> str:
    content = json.loads(text)
    del content["cost"]["single"]["median"]
    return json.dumps(content)


def _negative(text: str) -> str:
    content = json.loads(text)
    content["cost"]["tried"][0]["upper"] = -1.0
    return json.dumps(content)


DAMAGES = {
    "cut": _cut,
    "empty": lambda text: "",
    "a list": lambda text: "[]",
    "not text": lambda text: "\udcff",
    "a time is missing": _without_median,
    "a time is negative": _negative,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_a_damaged_file_holds_is_measured_anew_and_said(
    truth: xr.Dataset, measured: list[RolloutTask], tmp_path: Path, damage: Callable[[str], str]
) -> None:
    CostCache(tmp_path).measure(task(truth), None, budget=1.0)
    (file,) = tmp_path.iterdir()
    file.write_text(damage(file.read_text()), errors="surrogateescape")
    cache = CostCache(tmp_path)
    fresh = cache.measure(task(truth), None, budget=1.0)
    assert len(measured) == 2
    (note,) = cache.notes
    assert note.startswith(f"Expected times of a solver in {str(file)!r}, got ")
    assert note.endswith(". They were measured anew.")
    assert "\n" not in note
    again = CostCache(tmp_path)
    assert again.measure(task(truth), None, budget=1.0) == fresh  # the damaged file was replaced
    assert len(measured) == 2
    assert again.notes == [f"Times of 1 solvers are from {str(tmp_path)!r}."]


def test_solvers_of_others_are_not_kept(truth: xr.Dataset, measured: list[RolloutTask], tmp_path: Path) -> None:
    class Theirs(Stepper):
        in_fields = out_fields = ("u",)
        settings = {"solver": "theirs"}
        domain, dt = CASE.grid, CASE.dt

        def forward(self, state, static=None, forcing=None, parameters=None):  # type: ignore[no-untyped-def]
            return state

    CostCache(tmp_path).measure(task(truth, solver=Theirs()), None, budget=1.0)
    assert not list(tmp_path.iterdir())
    CostCache().measure(task(truth), None, budget=1.0)
    assert len(measured) == 2


def test_compare_keeps_times_of_solvers(truth: xr.Dataset, measured: list[RolloutTask], tmp_path: Path) -> None:
    solvers = {"n=16": CASE.solver(16, 2), "n=32": CASE.solver(32, 2)}
    reports = [
        sg.compare({"itself": CASE.solver()}, truth, solvers=solvers, time_budget=0.1, cache=tmp_path, progress=False)
        for _ in range(2)
    ]
    assert len(measured) == 2
    costs = [{row.name: row.cost for row in report.rows if row.kind == "solver"} for report in reports]
    assert costs[0] == costs[1]
    assert reports[0].rows[0].cost != reports[1].rows[0].cost  # the candidate is timed each time
    assert f"Times of 2 solvers are from {str(tmp_path)!r}." in " ".join(str(reports[1]).split())


def test_the_user_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "surrogate" / "costs"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "surrogate" / "costs"
