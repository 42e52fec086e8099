"""Shards by Dask: worker processes of this machine or of any scheduler, which may die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

import surrogate as sg
from surrogate.cases import Burgers, NavierStokes
from surrogate.datasets import InputError
from surrogate.datasets.storage.shard_manifest import read_manifest

SCRIPT = """
import sys
import surrogate as sg
if __name__ == "__main__":
    case = sg.cases.NavierStokes(64, 1e-3, dt=0.5, steps=4)
    fields = sg.generate(case, 40, sys.argv[1], workers=2, shard_size=3, progress=False, convergence=False)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path / "script.py"


def started(script: Path, target: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(script), str(target)], stdout=subprocess.DEVNULL)


def wait_for_shards(folder: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(12000):
        if len(list(folder.glob("shard*.h5"))) >= count:
            return
        assert process.poll() is None
        time.sleep(0.01)
    raise TimeoutError


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def test_killed_workers_are_replaced_and_a_killed_master_is_taken_over(script: Path, tmp_path: Path) -> None:
    """The bits are those of one process with other shards."""
    folder = tmp_path / "shards"
    process = started(script, folder)
    wait_for_shards(folder, 2, process)
    workers = workers_of(process)
    assert len(workers) == 2
    os.kill(workers[0].pid, signal.SIGKILL)
    wait_for_shards(folder, 5, process)
    workers = workers_of(process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive  # they do not outlive their master
    assert read_manifest(folder).shards
    process = started(script, folder)
    assert process.wait(120) == 0
    case = NavierStokes(64, 1e-3, dt=0.5, steps=4)
    undisturbed = sg.generate(case, 40, tmp_path / "one", shard_size=7, progress=False, convergence=False)
    made = sg.open_dataset(folder)
    np.testing.assert_array_equal(made["vorticity"], undisturbed["vorticity"])
    assert made["sample"].values.tolist() == list(range(40))
    assert sg.verify_ensemble(folder, solve=2, progress=False) == {}


def test_ctrl_c_while_workers_start_is_told_by_the_call_alone(script: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, str(script), str(tmp_path / "shards")]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, start_new_session=True)
    for _ in range(12000):
        if workers_of(process):
            break
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate(timeout=120)[1].decode()
    assert "spawn_main" not in errors  # workers say nothing
    assert "the same call goes on from there" in errors.splitlines()[-1]


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """Run a scheduler and a worker of its own, as on a cluster."""
    arguments = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    address = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([*arguments, "--host", "127.0.0.1", "--scheduler-file", str(address)], **quiet)
    arguments = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(address)]
    options = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path)]
    worker = subprocess.Popen([*arguments, *options], **quiet)
    try:
        for _ in range(3000):
            if address.exists() and address.stat().st_size:
                break
            time.sleep(0.01)
        yield address.read_text().partition('"address": "')[2].partition('"')[0]
    finally:
        for process in (worker, server):
            process.terminate()
            process.wait(30)


def test_any_scheduler_does(scheduler: str, tmp_path: Path) -> None:
    """It also estimates the convergence where the workers are."""
    case = Burgers(32, 0.05, dt=0.05, steps=2)
    made = sg.generate(case, 7, tmp_path / "whole.h5", scheduler=scheduler, shard_size=3, progress=False)
    held = sg.generate(case, 7, progress=False)
    np.testing.assert_array_equal(made["u"], held["u"])
    assert "relative_difference" in made.attrs["convergence"]


def test_a_scheduler_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surrogate.ensembles.on_dask._SECONDS", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://there"):
        with pytest.raises(InputError, match=f"Expected a Dask scheduler at '{address}'"):
            sg.generate(Burgers(32), 2, tmp_path / "shards", scheduler=address, progress=False)
    with pytest.raises(InputError, match="Expected a path for what several processes make"):
        sg.generate(Burgers(32), 2, workers=2, progress=False)


DEADLY = """
import os, signal, sys
import surrogate as sg
class Deadly(sg.cases.Burgers):  # stands for a sample that takes all the memory there is
    def initial_state(self, indices, **options):
        if 4 in indices: os.kill(os.getpid(), signal.SIGKILL)
        return super().initial_state(indices, **options)
if __name__ == "__main__":
    case = Deadly(32, 0.05, dt=0.05)
    sg.generate(case, 8, sys.argv[1], workers=2, shard_size=2, batch_size=2, progress=False, convergence=False)
"""


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY)
    arguments = [sys.executable, str(tmp_path / "deadly.py"), str(tmp_path / "shards")]
    stopped = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=180)
    assert stopped.returncode == 1
    last = stopped.stderr.strip().splitlines()[-1]
    assert last.startswith("ChildProcessError: Workers died again and again over shard-00002.h5.")
    assert sg.open_dataset(tmp_path / "shards")["sample"].values.tolist() == [0, 1, 2, 3, 6, 7]


@pytest.mark.slow
def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path) -> None:
    text = SCRIPT.replace('if __name__ == "__main__":', "if True:")
    (tmp_path / "script.py").write_text(text)
    arguments = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "shards")]
    stopped = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert stopped.returncode == 1
    assert "put the call under `if __name__ == '__main__':`" in stopped.stderr
