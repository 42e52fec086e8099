"""Ensembles in shards: whole files, resumed, extended, never mixed, with one writer."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.cases import Burgers, Darcy, PoissonPolygons
from surrogate.datasets import InputError
from surrogate.datasets.errors import NumericalFailure
from surrogate.datasets.storage.shard_manifest import Shard, read_manifest, write_manifest
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.ensembles.blocks import BlockSolver, FailedSamples, Solved
from surrogate.ensembles.convergence import estimate_convergence
from surrogate.ensembles.plan import Plan
from surrogate.ensembles.shard_task import ShardTask

CASE = Burgers(32, 0.05, dt=0.05, steps=2)
QUIET: dict[str, Any] = {"progress": False, "convergence": False}


def make(path: Path, samples: int = 7, **options: Any) -> xr.Dataset:
    return sg.generate(CASE, samples, path, **{"shard_size": 3, **QUIET, **options})


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.h5"))}


def test_a_directory_and_a_file_hold_what_memory_holds(tmp_path: Path) -> None:
    held = sg.generate(CASE, 7, seed=2, progress=False)
    for path in (tmp_path / "shards", tmp_path / "whole.h5"):
        made = make(path, seed=2)
        xr.testing.assert_identical(made.drop_attrs(deep=False).load(), held.drop_attrs(deep=False))
        assert made.attrs.items() >= {k: v for k, v in held.attrs.items() if k != "generation_seconds"}.items()
    assert sorted(os.listdir(tmp_path)) == ["shards", "whole.h5"]
    names = ["manifest.json", "shard-00000.h5", "shard-00001.h5", "shard-00002.h5"]
    assert sorted(os.listdir(tmp_path / "shards")) == names


@pytest.mark.parametrize("case", [Darcy(9, location="node"), PoissonPolygons(nodes=(80, 120))], ids=["grid", "meshes"])
def test_steady_cases_join_their_shards(case: Darcy | PoissonPolygons, tmp_path: Path) -> None:
    held = sg.generate(case, 5, progress=False)
    for path in (tmp_path / "shards", tmp_path / "whole.h5"):
        made = sg.generate(case, 5, path, shard_size=2, **QUIET)
        xr.testing.assert_identical(made.drop_attrs(deep=False).load(), held.drop_attrs(deep=False))


def test_every_file_says_how_it_was_made(tmp_path: Path) -> None:
    sg.generate(CASE, 4, tmp_path / "shards", shard_size=2, seed=5, progress=False)
    for file in (tmp_path / "shards").glob("*.h5"):
        with xr.open_dataset(file, engine="h5netcdf") as fields:
            attrs = fields.attrs
            assert fields["sample"].size == 2
        assert (attrs["dt"], attrs["seed"], attrs["dtype"], attrs["scheme"]) == (0.05, 5, "float32", "ETDRK4")
        assert attrs["solver_dt"] == 0.05 / json.loads(attrs["solver"])["substeps"]
        assert "u_xx" in attrs["equation"]
        assert "shape=(32,)" in attrs["domain"]
        assert json.loads(attrs["case"]) == CASE.settings
        assert json.loads(attrs["versions"]).keys() == {"surrogate", "torch", "numpy"}
        convergence = json.loads(attrs["convergence"])
        assert convergence["resolution"] == 64
        assert 0 < convergence["relative_difference"] < 1e-3
    manifest = read_manifest(tmp_path / "shards")
    assert manifest.convergence == convergence


def test_the_estimate_of_convergence_is_the_error() -> None:
    """Against a solution eight times as fine; the error of the coarse one is nearly all of the difference."""
    case = Burgers(32, 0.01, dt=0.1, steps=20)
    found = estimate_convergence(BlockSolver(case, 0, 1, "float32"))
    steps = round(found["until"] / case.dt)
    assert 1 <= steps < 20
    state = case.initial_state([0], seed=0)
    errors = []
    fine = case.solver(256, 4 * case.solver().substeps)
    coarse, exact = state, resample_periodic(state, (256,))
    for _ in range(steps):
        coarse, exact = case.solver()(coarse), fine(exact)
        errors.append((coarse - exact[..., ::8], exact[..., ::8]))
    error, size = (sum(float(pair[i].square().sum()) for pair in errors) ** 0.5 for i in (0, 1))
    assert found["relative_difference"] == pytest.approx(error / size, rel=0.1)


def test_more_samples_of_the_same_kind_extend_a_directory(tmp_path: Path) -> None:
    make(tmp_path / "grown", 4)
    before = (tmp_path / "grown" / "shard-00000.h5").stat()
    grown = make(tmp_path / "grown", 8, shard_size=None)
    assert os.path.samestat(before, (tmp_path / "grown" / "shard-00000.h5").stat())
    at_once = make(tmp_path / "at_once", 8)
    assert bytes_of(tmp_path / "grown") == bytes_of(tmp_path / "at_once")
    xr.testing.assert_identical(grown["u"].load(), at_once["u"].load())
    assert make(tmp_path / "grown", 5).sizes["sample"] == 8


def test_a_file_has_as_many_samples_as_asked_for_whatever_was_stopped(tmp_path: Path) -> None:
    make(tmp_path / "stopped", 11)
    (tmp_path / "stopped").rename(tmp_path / ".whole.h5.shards")  # what a stopped call leaves
    for samples in (5, 13):
        assert make(tmp_path / "whole.h5", samples, overwrite=True).sizes["sample"] == samples
        assert os.listdir(tmp_path) == ["whole.h5"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 1}, "seed 1 instead of 0"),
        ({"dtype": "float64"}, "dtype 'float64' instead of 'float32'"),
        ({"batch_size": 5}, "batch_size 5 instead of 64"),
    ],
)
def test_settings_are_not_mixed(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    make(tmp_path / "shards", 3)
    with pytest.raises(InputError, match=f"Expected the settings of the samples .* got {words}. Choose another path"):
        make(tmp_path / "shards", 3, **options)
    other = make(tmp_path / "shards", 3, overwrite=True, **options)
    assert bytes_of(tmp_path / "shards") == bytes_of(_made(tmp_path / "fresh", **options))
    assert other.sizes["sample"] == 3


def _made(path: Path, **options: Any) -> Path:
    make(path, 3, **options)
    return path


def test_cases_are_not_mixed(tmp_path: Path) -> None:
    make(tmp_path / "shards", 3)
    with pytest.raises(InputError, match=r"case.viscosity 0.1 instead of 0.05"):
        sg.generate(Burgers(32, 0.1, dt=0.05, steps=2), 3, tmp_path / "shards", **QUIET)


def test_other_peoples_directories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"'thesis.tex'\. Choose another path"):
            make(tmp_path / "mine", overwrite=overwrite)
    make(tmp_path / "shards", 3)
    (tmp_path / "shards" / "manifest.json").unlink()
    with pytest.raises(InputError, match="or one with a manifest"):
        make(tmp_path / "shards", 3)
    make(tmp_path / "shards", 3, overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Expected a directory of shards, got the file"):
        make(tmp_path / "file", overwrite=True)
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(InputError, match="Expected a file, got the directory"):
        make(tmp_path / "folder.h5", overwrite=True)


def test_torn_and_missing_shards_are_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    make(folder, 12)
    whole = bytes_of(folder)
    flipped = bytearray(whole["shard-00001.h5"])
    flipped[-100] ^= 4
    (folder / "shard-00001.h5").write_bytes(flipped)
    (folder / "shard-00002.h5").write_bytes(whole["shard-00002.h5"][:-10])
    (folder / "shard-00003.h5").unlink()
    (folder / ".0123.shard-00000.h5").touch()  # what a killed writer leaves
    with pytest.raises(InputError, match=r"bytes in .*shard-00002.h5"):
        sg.open_dataset(folder)
    kept = (folder / "shard-00000.h5").stat()
    make(folder, 12)
    assert bytes_of(folder) == whole
    assert os.path.samestat(kept, (folder / "shard-00000.h5").stat())


def test_failed_samples_are_in_the_manifest_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Burgers.initial_state

    def wild(self: Burgers, indices: Any, **options: Any) -> Any:
        numbers = list(indices)
        states = start(self, numbers, **options)
        states[[number in (1, 3, 4, 5) for number in numbers]] *= 1e9
        return states

    fine = make(tmp_path / "fine.h5").load()
    monkeypatch.setattr(Burgers, "initial_state", wild)
    for path in (tmp_path / "shards", tmp_path / "whole.h5"):
        with pytest.warns(FailedSamples, match=r"4 of 7 samples failed \(1: Rollout stopped at step 1"):
            made = make(path)
        assert made["sample"].values.tolist() == [0, 2, 6]
        assert made.attrs["failed_samples"] == 4
        np.testing.assert_array_equal(made["u"], fine["u"].sel(sample=[0, 2, 6]))
    assert sorted(read_manifest(tmp_path / "shards").failed) == [1, 3, 4, 5]
    assert not (tmp_path / "shards" / "shard-00001.h5").exists()  # all of its samples failed
    assert sg.open_dataset(tmp_path / "shards").sizes["sample"] == 3


def test_one_of_two_writers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, refused = threading.Event(), threading.Event()
    solve = ShardTask.solve

    def slow(self: ShardTask, *arguments: Any) -> Any:
        begun.set()
        assert refused.wait(60)
        return solve(self, *arguments)

    monkeypatch.setattr(ShardTask, "solve", slow)
    for path in (tmp_path / "shards", tmp_path / "whole.h5"):
        begun.clear()
        refused.clear()
        first = threading.Thread(target=make, args=(path,))
        first.start()
        assert begun.wait(60)
        try:
            with pytest.raises(InputError, match="which another process is writing"):
                make(path)
        finally:
            refused.set()
            first.join()
        assert sg.open_dataset(path).sizes["sample"] == 7


def test_a_shard_is_written_while_the_next_is_solved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write waits for the next solution to begin: only if they overlap does it ever end."""
    solve, write, begun = ShardTask.solve, ShardTask.write, [threading.Event() for _ in range(4)]
    ahead: list[int] = []

    def solving(self: ShardTask, *arguments: Any) -> Any:
        begun[self.samples.start // 3].set()
        return solve(self, *arguments)

    def writing(self: ShardTask, *arguments: Any) -> Any:
        number = self.samples.start // 3
        if number < 2:
            assert begun[number + 1].wait(60)
        ahead.append(sum(event.is_set() for event in begun) - number - 1)
        return write(self, *arguments)

    monkeypatch.setattr(ShardTask, "solve", solving)
    monkeypatch.setattr(ShardTask, "write", writing)
    assert make(tmp_path / "shards").sizes["sample"] == 7
    assert ahead == [1, 1, 0]  # never two shards ahead: memory is bounded


def test_on_a_gpu_one_thread_computes_while_the_other_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(BlockSolver(CASE, 0, 4, "float32", "cuda"), 4, 2)  # nothing is solved on that device here
    solving, second_solves, most = threading.Semaphore(1), threading.Event(), []

    def solve(self: ShardTask) -> tuple[Solved, float]:
        most.append(solving.acquire(blocking=False))
        if self.samples.start:
            second_solves.set()
        time.sleep(0.05)
        solving.release()
        return Solved(None, {}), 0.0

    def write(self: ShardTask, *arguments: Any) -> Any:
        assert self.samples.start or second_solves.wait(60)
        return Shard(self.name, 0, 2, {"sample": 2}, 0, "", 0.0)

    monkeypatch.setattr(ShardTask, "solve", solve)
    monkeypatch.setattr(ShardTask, "write", write)
    write_manifest(tmp_path, plan.manifest)
    threads = [
        threading.Thread(target=ShardTask(plan, str(tmp_path), name, samples).run) for name, samples in plan.shards()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [True, True]
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.gpu
def test_a_gpu_makes_the_samples_of_the_cpu(tmp_path: Path) -> None:
    case = Burgers(128, 0.02, dt=0.1, steps=5)
    options: dict[str, Any] = {"dtype": "float64", "shard_size": 16, **QUIET}
    ours = sg.generate(case, 64, tmp_path / "cuda", device="cuda", **options)
    again = sg.generate(case, 64, tmp_path / "workers", device="cuda", workers=1, **options)
    np.testing.assert_array_equal(ours["u"], again["u"])
    cpu = sg.generate(case, 64, progress=False, dtype="float64")
    np.testing.assert_allclose(ours["u"], cpu["u"], rtol=0, atol=1e-12)


def test_nothing_but_failures_are_no_ensemble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Burgers.initial_state
    monkeypatch.setattr(Burgers, "initial_state", lambda self, *a, **k: start(self, *a, **k) * 1e9)
    for path in (tmp_path / "shards", tmp_path / "whole.h5"):
        with pytest.raises(NumericalFailure, match="7 of 7 samples failed"):
            make(path)
    with pytest.raises(InputError, match="Expected a complete shard in"):
        sg.open_dataset(tmp_path / "shards")
    assert not (tmp_path / "whole.h5").exists()
