"""Ensembles on a disk that is full, or fills up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import surrogate as sg
from surrogate.cases import Burgers

CASE = Burgers(32, 0.05, dt=0.05, steps=2)


def make(path: Path, samples: int) -> xr.Dataset:
    return sg.generate(CASE, samples, path, shard_size=3, progress=False, convergence=False)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.h5"))}


def test_a_full_disk_is_refused_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 7 * 3 * 32 * 4
    usage = shutil.disk_usage(tmp_path)
    for path in (tmp_path / "shards", tmp_path / "whole.h5"):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=needed - 1))
        with pytest.raises(OSError, match=r"No space left on device. The shards made so far are kept"):
            make(path, 7)
        monkeypatch.undo()
        assert make(path, 7).sizes["sample"] == 7


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import surrogate as sg
from surrogate.ensembles.shard_task import ShardTask
solve, limit = ShardTask.solve, int(sys.argv[2])
def solve_and_fill(self, *arguments):
    if self.samples.start >= 6: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    return solve(self, *arguments)
ShardTask.solve = solve_and_fill
case = sg.cases.Burgers(32, 0.05, dt=0.05, steps=2)
sg.generate(case, 12, sys.argv[1], shard_size=3, progress=False, convergence=False)
"""


def test_a_disk_that_fills_up_keeps_complete_shards(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    arguments = [sys.executable, "-c", LIMITED, str(folder), "6000"]
    stopped = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert stopped.returncode == 1
    assert "The shards made so far are kept: the same call goes on from there." in stopped.stderr.splitlines()[-1]
    complete = [file.name for file in folder.glob("shard*.h5")]
    assert {"shard-00000.h5"} <= set(complete) < {f"shard-0000{i}.h5" for i in range(4)}
    kept = (folder / "shard-00000.h5").stat()
    make(folder, 12)
    assert os.path.samestat(kept, (folder / "shard-00000.h5").stat())
    make(tmp_path / "fresh", 12)
    assert bytes_of(folder) == bytes_of(tmp_path / "fresh")
