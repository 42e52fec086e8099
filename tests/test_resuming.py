"""A rollout into a file that is stopped at any moment goes on from there and ends with the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from surrogate import Grid, InputError, NumericalFailure, Stepper, rollout, solvers
from surrogate.journal import leaves, with_leaves, without_tensors

AsFields = Callable[..., xr.Dataset]
GRID = Grid((32,), periodic=True)

KILLS = """
import json, os, signal, sys, time
from pathlib import Path
import torch, xarray as xr
import surrogate as sg
import surrogate.journal, surrogate.march
from surrogate.datasets.storage.store import read_store

torch.set_num_threads(1)
folder = Path(sys.argv[1])
fields = read_store(folder / "start.h5").load()
surrogate.journal.INTERVAL = 0.0
surrogate.march.CHUNK_FRAMES = 4
calls = 0

class Burgers(sg.solvers.Burgers):
    def step(self, carry, forcing=None):
        global calls
        calls += 1
        if calls == KILL: os.kill(os.getpid(), signal.SIGKILL)
        if KILL < 0: time.sleep(0.001)
        return super().step(carry, forcing)

class Average(sg.Stepper):  # of three frames; what it carries is their window, static and parameters
    in_fields = out_fields = ("u",)
    domain, dt, history, horizon = sg.Grid((32,), periodic=True), 0.01, 3, 2
    def forward(self, state, static=None, forcing=None, parameters=None):
        global calls
        calls += 1
        if calls == KILL: os.kill(os.getpid(), signal.SIGKILL)
        mean = state.mean(1, keepdim=True)
        return torch.cat([mean.sin(), (mean + state[:, -1:]).cos()], dim=1)

def run(kind, name, **options):
    stepper = Burgers(Average.domain, viscosity=0.05, dt=0.01) if kind == "solver" else Average()
    result = sg.rollout(stepper, fields, steps=40, batch_size=3, path=folder / f"{name}.h5", progress=False, **options)
    (folder / f"{name}.json").write_text(json.dumps(calls))
    result.close()

def child(kill, *arguments, **options):
    global KILL
    KILL = kill
    pid = os.fork()
    if not pid:
        try: run(*arguments, **options)
        finally: os._exit(0 if sys.exc_info()[0] is None else 1)
    return pid

def status(pid): return os.waitpid(pid, 0)[1]

for kind in ("solver", "average"):
    assert status(child(0, kind, f"{kind}_undisturbed")) == 0
    for kill in (1, 4, 14, 9, 30):  # before anything is kept, within batches, a second and a third time
        assert status(child(kill, kind, f"{kind}_killed")) == signal.SIGKILL, kill
        assert not (folder / f"{kind}_killed.h5").exists()
    assert status(child(0, kind, f"{kind}_killed", overwrite=True)) == 0  # which may be said at each call

waited, kills = 0.0, 0
while True:  # whatever it is doing
    waited += 0.013
    pid = child(-1, "solver", "solver_random")
    time.sleep(waited)
    os.kill(pid, signal.SIGKILL)
    if status(pid) == 0: break
    kills += 1
    if (folder / "solver_random.h5").exists(): break
(folder / "kills.json").write_text(json.dumps(kills))
"""


@pytest.fixture
def start(as_fields: AsFields) -> xr.Dataset:
    rng = np.random.default_rng(0)
    waves = np.sin(2 * np.pi * (GRID.coordinates()["x"].values + rng.uniform(size=(7, 3, 1))))
    return as_fields(GRID, {"u": ("sample time x", waves)}, time=0.01 * np.arange(3))


def test_a_killed_rollout_goes_on_and_ends_with_the_same_bits(start: xr.Dataset, tmp_path: Path) -> None:
    start.to_netcdf(tmp_path / "start.h5", engine="h5netcdf")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", KILLS, tmp_path], check=True, env=environment)
    for one, other in [
        ("solver_undisturbed", "solver_killed"),
        ("average_undisturbed", "average_killed"),
        ("solver_undisturbed", "solver_random"),
    ]:
        assert (tmp_path / f"{one}.h5").read_bytes() == (tmp_path / f"{other}.h5").read_bytes()
    assert json.loads((tmp_path / "kills.json").read_text()) >= 3
    calls = {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    assert calls["solver_undisturbed"] == 3 * 40
    assert calls["average_undisturbed"] == 3 * 20
    # 58 calls were taken by those that were killed; each lost the call it was in and at most a chunk of four frames
    assert calls["solver_killed"] <= 3 * 40 - (58 - 5 * 5)
    assert calls["average_killed"] <= 3 * 20 - (58 - 5 * 3)
    assert not list(tmp_path.glob(".*"))


class Stopping(Stepper):
    """Halve the state; at a call there is another reason to stop."""

    in_fields = out_fields = ("u",)
    domain = GRID
    dt = 0.01

    def __init__(self, error: type[BaseException] | None = None, *, factor: float = 0.5) -> None:
        super().__init__()
        self._error, self._calls = error, 0
        self.factor = factor

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        self._calls += 1
        if self._error is not None and self._calls == 6:
            raise self._error
        return self.factor * state


class Pressing(Stopping):
    """Have Ctrl-C pressed at a call, or twice."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    def forward(self, *tensors: Tensor | None) -> Tensor:
        for _ in range(self._times if self._calls == 5 else 0):
            signal.raise_signal(signal.SIGINT)
        return super().forward(*tensors)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surrogate.journal.INTERVAL", 0.0)
    monkeypatch.setattr("surrogate.march.CHUNK_FRAMES", 2)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
def test_a_stopped_rollout_keeps_its_frames_and_another_one_is_refused(
    start: xr.Dataset, tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "result.h5"

    def again(stepper: Stepper, fields: xr.Dataset = start, **options: Any) -> xr.Dataset:
        return rollout(stepper, fields, **{"steps": 9, "path": path, "progress": False, **options})

    with pytest.raises(error):
        again(Stopping(error))
    assert {file.name for file in tmp_path.iterdir()} == {".result.h5.part", ".result.h5.place"}
    for options, what in [
        ({"steps": 8}, "steps"),
        ({"every": 2}, "every"),
        ({"batch_size": 2}, "batch_size"),
        ({"stepper": Stopping(factor=0.4)}, "stepper"),
        ({"fields": start * 2}, "initial state, static fields, forcing or parameters"),
        ({"fields": start.assign_coords(sample=np.arange(7))}, "coordinates or attributes"),
    ]:
        with (
            xr.set_options(keep_attrs=True),
            pytest.raises(InputError, match=rf"stopped beside .*place', got another .*{what}\. Finish that one"),
        ):
            again(**{"stepper": Stopping(), **options})
    quick = Stopping()
    result = again(quick)
    assert quick._calls == 9 - 5
    np.testing.assert_array_equal(result["u"][:, -1], start["u"][:, 0].astype("float32") * 0.5**9)
    assert [file.name for file in tmp_path.iterdir()] == ["result.h5"]


def test_ctrl_c_loses_no_frame(start: xr.Dataset, tmp_path: Path) -> None:
    path, left = tmp_path / "result.h5", Pressing(0)
    with pytest.raises(KeyboardInterrupt, match="the same call goes on from there"):
        rollout(Pressing(1), start, steps=9, path=path)
    result = rollout(left, start, steps=9, path=path)
    assert left._calls == 9 - 6
    np.testing.assert_array_equal(result["u"][:, -1], start["u"][:, 0].astype("float32") * 0.5**9)


def test_ctrl_c_does_not_wait_when_it_is_pressed_again(start: xr.Dataset, tmp_path: Path) -> None:
    pressed = Pressing(2)
    with pytest.raises(KeyboardInterrupt):
        rollout(pressed, start, steps=9, path=tmp_path / "result.h5")
    assert pressed._calls == 5
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("often")
def test_overwrite_begins_again_where_another_rollout_was_stopped(start: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "result.h5"
    with pytest.raises(KeyboardInterrupt):
        rollout(Stopping(KeyboardInterrupt), start, steps=9, path=path)
    whole = Stopping()
    assert rollout(whole, start, steps=8, path=path, overwrite=True).sizes["time"] == 8
    assert whole._calls == 8
    assert [file.name for file in tmp_path.iterdir()] == ["result.h5"]


@pytest.mark.usefixtures("often")
def test_a_numerical_failure_leaves_nothing_to_go_on_from(start: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(NumericalFailure, match=r"step 12[89] .*'u': it is not finite"):
        rollout(Stopping(factor=2.0), start, steps=2000, path=tmp_path / "result.h5")  # 2^128 overflows
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("often")
def test_a_damaged_journal_is_refused_with_the_cure(start: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "result.h5"
    with pytest.raises(KeyboardInterrupt):
        rollout(Stopping(KeyboardInterrupt), start, steps=9, path=path)
    (tmp_path / ".result.h5.place").write_bytes(b"cut")
    with pytest.raises(InputError, match=r"the place of a stopped rollout in .* Delete it to start again"):
        rollout(Stopping(), start, steps=9, path=path)


def test_a_carry_is_kept_if_tensors_and_numbers_are_all_that_is_in_it() -> None:
    view = torch.arange(12.0).reshape(3, 4)[1:, ::2]
    tool = object()
    carry = (view, None, {"count": 3, "modes": [torch.tensor([1 + 2j])], "tool": tool})
    fixed = without_tensors(carry)
    kept = leaves(carry, fixed)
    assert kept is not None
    view += 1  # the journal must not see it
    back = with_leaves(carry, kept)
    assert torch.equal(back[0], view - 1)
    assert back[1] is None
    assert back[2]["count"] == 3
    assert torch.equal(back[2]["modes"][0], torch.tensor([1 + 2j]))
    assert back[2]["tool"] is tool
    assert leaves((view, None, {"count": 3, "modes": [view], "tool": object()}), fixed) is None
    assert leaves((None, None, {"count": 3, "modes": [view], "tool": tool}), fixed) is None
    assert leaves((view, None), fixed) is None


@pytest.mark.usefixtures("often")
def test_samples_whose_carry_cannot_be_kept_start_again(start: xr.Dataset, tmp_path: Path) -> None:
    class Opaque(Stopping):
        def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Any:
            return {state}

        def step(self, carry: Any, forcing: Tensor | None = None) -> Any:
            (state,) = carry
            return {self(state)}, self.factor * state

    options: dict[str, Any] = {"steps": 9, "batch_size": 4, "path": tmp_path / "result.h5"}
    with pytest.raises(KeyboardInterrupt):
        rollout(Opaque(KeyboardInterrupt), start, **options)
    result = rollout(Opaque(), start, **options)
    np.testing.assert_array_equal(result["u"][:, -1], start["u"][:, 0].astype("float32") * 0.5**9)


def test_the_file_is_the_same_whatever_its_chunks(
    start: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solver = solvers.Burgers(GRID, viscosity=0.05, dt=0.01)
    rollout(solver, start, steps=20, every=3, path=tmp_path / "one.h5")
    monkeypatch.setattr("surrogate.march.CHUNK_BYTES", 1)
    monkeypatch.setattr("surrogate.march.CHUNK_SECONDS", 0.0)
    monkeypatch.setattr("surrogate.journal.INTERVAL", 0.0)
    rollout(solver, start, steps=20, every=3, path=tmp_path / "two.h5")
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
