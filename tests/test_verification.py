"""What a directory of shards holds is what was written, and what solving gives."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

import surrogate as sg
from surrogate.cases import Burgers, PoissonPolygons
from surrogate.cli import main
from surrogate.datasets import InputError
from surrogate.ensembles.shard_task import file_hash

CASE = Burgers(32, 0.05, dt=0.05, steps=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sg.generate(CASE, 8, tmp_path / "burgers", shard_size=3, convergence=False, progress=False)
    return tmp_path / "burgers"


def test_what_was_written_is_right(folder: Path, tmp_path: Path) -> None:
    assert sg.verify_ensemble(folder, solve=8, progress=False) == {}
    sg.generate(PoissonPolygons(nodes=(80, 120)), 3, tmp_path / "polygons", convergence=False, progress=False)
    assert sg.verify_ensemble(tmp_path / "polygons", solve=3, progress=False) == {}


def test_damage_is_found_and_repaired(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contents = bytearray((folder / "shard-00001.h5").read_bytes())
    contents[len(contents) // 2] ^= 1
    (folder / "shard-00001.h5").write_bytes(contents)
    (folder / "shard-00002.h5").unlink()
    found = {"shard-00001.h5": "it has other bytes than were written", "shard-00002.h5": "it is missing"}
    assert sg.verify_ensemble(folder, progress=False) == found
    assert main(["generate", str(folder), "--verify", "true"]) == 2
    assert "shard-00002.h5: it is missing. Generate again" in capsys.readouterr().err
    sg.generate(CASE, 8, folder, convergence=False, progress=False)
    assert main(["generate", str(folder), "--verify", "true", "--verify_samples", "2"]) == 0
    assert "all shards are as they were written" in " ".join(capsys.readouterr().out.split())


def test_a_sample_that_is_not_its_own_solution_is_found(folder: Path) -> None:
    """A hash alone does not see data that were wrong when they were hashed."""
    path = folder / "shard-00000.h5"
    with h5py.File(path, "r+") as file:
        file["u"][1, 2, 7] *= 1 + 2**-23
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["shards"][0] |= {"sha256": file_hash(path), "bytes": path.stat().st_size}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert sg.verify_ensemble(folder, progress=False) == {}
    wrong = sg.verify_ensemble(folder, solve=8, progress=False)
    assert wrong == {"shard-00000.h5": "sample 1 is not what solving it gives, in 'u'"}


def test_what_cannot_be_solved_again_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Expected at most 8 samples to solve again, got 9"):
        sg.verify_ensemble(folder, solve=9, progress=False)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["settings"]["versions"]["torch"] = "1.0"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert sg.verify_ensemble(folder, progress=False) == {}
    with pytest.raises(InputError, match=r"Expected the versions .*'torch': '1\.0'"):
        sg.verify_ensemble(folder, solve=1, progress=False)
    manifest["settings"]["case"]["case"] = "Mine"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"Expected a case of surrogate.cases"):
        sg.verify_ensemble(folder, solve=1, progress=False)
    with pytest.raises(InputError, match=r"Expected manifest.json in"):
        sg.verify_ensemble(tmp_path, progress=False)
