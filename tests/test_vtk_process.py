"""VTK may crash, hang or ask for all memory: the process that reads by it goes on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from surrogate.datasets import InputError
from surrogate.datasets.readers import vtk_process

pyvista = pytest.importorskip("pyvista")
KILLED = r"a readable simulation at .*prism\.case', got what makes VTK crash, or take more time or memory"
SAID = r"a readable simulation at .*prism\.case', got (?!what).*\. Make or copy it again"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Return a case without its mesh."""
    (tmp_path / "prism.case").write_text("FORMAT\ntype: ensight gold\nGEOMETRY\nmodel: prism.geo\n")
    return tmp_path / "prism.case"


def read(case: Path) -> None:
    vtk_process.ask("ensight_frame", case, None, size=1)


def test_what_vtk_says_is_said_in_one_line(case: Path) -> None:
    with pytest.raises(InputError, match=SAID) as caught:
        read(case)
    assert len(str(caught.value).splitlines()) == 1


def test_a_crash_is_an_error_and_the_next_case_is_read(case: Path) -> None:
    with pytest.raises(InputError, match=SAID):
        read(case)
    vtk_process._running[os.getpid()].kill()
    with pytest.raises(InputError, match=KILLED):
        read(case)
    with pytest.raises(InputError, match=SAID):
        read(case)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_what_takes_too_long_is_stopped(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(case.with_suffix(".geo"))  # nobody ever writes to it
    monkeypatch.setattr(vtk_process, "_SECONDS", 0.5)
    with pytest.raises(InputError, match=KILLED):
        read(case)
