"""Ensembles that are killed or interrupted, and called again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import surrogate as sg
from surrogate.cases import Burgers
from surrogate.cli import main
from surrogate.datasets.storage.shard_manifest import read_manifest

CHILD = """
import signal, sys, time
import surrogate as sg
from surrogate.ensembles.shard_task import ShardTask

def slowly(task, *arguments, solve=ShardTask.solve):
    time.sleep(0.1)  # or all is made before anybody can stop it
    return solve(task, *arguments)

ShardTask.solve = slowly
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored by what runs in the background of a shell
case = sg.cases.Burgers(64, 0.05, dt=0.5, steps=3)
sg.generate(case, 24, sys.argv[1], shard_size=2, batch_size=2, dtype="float64", progress=False)
"""


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.h5"))}


def child(path: Path, errors: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", CHILD, str(path)], env=environment, stderr=errors)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    for _ in range(6000):
        if condition() or process.poll() is not None:
            return
        time.sleep(0.01)
    raise TimeoutError


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "shards"
    case = Burgers(64, 0.05, dt=0.5, steps=3)
    sg.generate(case, 24, folder, shard_size=2, batch_size=2, dtype="float64", progress=False)
    return folder


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, undisturbed: Path) -> None:
    folder, rng = tmp_path / "shards", np.random.default_rng(0)
    kills = 0
    for shards in (0, 3, 7):
        process = child(folder)
        wait_for(lambda count=shards: len(list(folder.glob("shard*.h5"))) > count, process)  # type: ignore[misc]
        time.sleep(float(rng.uniform(0, 0.05)))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills == 3
    assert child(folder).wait() == 0
    assert bytes_of(folder) == bytes_of(undisturbed)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in undisturbed.iterdir())
    keep = ("bytes", "sha256", "failed", "sizes")
    ours, theirs = (
        [{name: vars(s)[name] for name in keep} for s in read_manifest(f).shards] for f in (folder, undisturbed)
    )
    assert ours == theirs


def test_an_interrupt_says_how_to_go_on(tmp_path: Path, undisturbed: Path) -> None:
    folder = tmp_path / "shards"
    with child(folder, subprocess.PIPE) as process:
        wait_for(lambda: len(list(folder.glob("shard*.h5"))) > 2, process)
        process.send_signal(signal.SIGINT)
        message = process.communicate()[1].decode()
    assert "of 12 shards are complete in" in message
    assert "the same call goes on from there" in message
    complete = read_manifest(folder).shards
    assert len(complete) >= 2
    before = {shard.name: (folder / shard.name).stat().st_ino for shard in complete}
    assert child(folder).wait() == 0
    assert bytes_of(folder) == bytes_of(undisturbed)
    assert all((folder / name).stat().st_ino == inode for name, inode in before.items())


def test_the_command_line_says_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt("2 of 12 shards are complete")

    monkeypatch.setattr("surrogate.ensembles.growth.Growth.into_directory", interrupted)
    assert main(["generate", "shards", "--samples", "3"]) == 130
    assert capsys.readouterr().err == "surrogate: interrupted: 2 of 12 shards are complete\n"
