"""Two writers of one file: one is refused, and a killed one is in nobody's way."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
import xarray as xr

from surrogate.datasets import InputError
from surrogate.datasets.storage.locks import only_writer
from surrogate.datasets.storage.whole_files import whole_file
from surrogate.frames import growing_file
from surrogate.training.record import run_folder

REFUSED = r"a path that nobody else writes, got '.*file\.h5', which another process is writing\. Wait until"

HOLDER = """
import sys, time
from pathlib import Path
from surrogate.datasets.storage.whole_files import whole_file
with whole_file(sys.argv[1], overwrite=True) as part:
    part.write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.readline()
    part.write_bytes(b"whole")
"""


def holder(path: Path) -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], **pipes)
    assert process.stdout.readline() == "writing\n"
    return process


def test_a_second_process_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    with holder(path) as first:
        with pytest.raises(InputError, match=REFUSED), whole_file(path):
            pytest.fail("entered")
        first.communicate("go on\n")
    assert first.returncode == 0
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file.h5", b"whole")]


def test_what_a_killed_writer_leaves_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    with holder(path) as first:
        first.send_signal(signal.SIGKILL)
    assert {file.name for file in tmp_path.iterdir()} == {".file.h5.lock", ".file.h5.part"}
    with whole_file(path) as part:
        assert not part.exists()
        part.write_bytes(b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file.h5", b"new")]


def test_a_second_thread_is_refused(tmp_path: Path) -> None:
    errors = []

    def write() -> None:
        try:
            with whole_file(tmp_path / "file.h5"):
                pass
        except InputError as error:
            errors.append(error)

    with whole_file(tmp_path / "file.h5") as part:
        part.touch()
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert len(errors) == 1


def test_a_growing_file_has_one_writer(tmp_path: Path) -> None:
    values = torch.zeros(1, 1, 4).numpy()
    template = xr.Dataset({"u": (("sample", "time", "x"), values)}, coords={"sample": [0]})
    request = {"stepper": "a"}
    with growing_file(tmp_path / "file.h5", template, request, overwrite=False):
        with (
            pytest.raises(InputError, match=REFUSED),
            growing_file(tmp_path / "file.h5", template, request, overwrite=True),
        ):
            pytest.fail("entered")
        assert (tmp_path / ".file.h5.part").exists(), "the second one has removed what the first one has made"
    assert [file.name for file in tmp_path.iterdir()] == ["file.h5"]


def _count(path: Path, turns: int) -> None:
    for _ in range(turns):
        done = False
        while not done:
            try:
                with only_writer(path):
                    path.write_text(str(int(path.read_text()) + 1))
                    done = True
            except InputError:
                continue


def test_many_processes_take_turns(tmp_path: Path) -> None:
    """Each removes the locked file when it is done; none may hold a lock on one that has lost its name."""
    path = tmp_path / "number"
    path.write_text("0")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_count, args=(path, 200)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert path.read_text() == "800"


def test_file_systems_without_locks_are_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with whole_file(tmp_path / "file.h5") as part:
        part.write_bytes(b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["file.h5"]


def test_a_folder_that_somebody_trains_in_is_refused(tmp_path: Path) -> None:
    refused = pytest.raises(InputError, match="which another process is writing")
    with run_folder(tmp_path / "run"), refused, run_folder(tmp_path / "run"):
        pytest.fail("entered")
    assert not list((tmp_path / "run").iterdir())
