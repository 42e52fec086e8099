"""The scripts of benchmarks/reliability at reduced counts.

Seeds are fixed, so that the same files are read and the same calls fail each time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "benchmarks" / "reliability"


def run(script: str, *arguments: str) -> str:
    """Return the table; the script ends with 1 where anything is not as it should be."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", str(SCRIPTS / script), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="memory and readings are measured by means of Linux")
def test_damaged_and_hostile_files_are_opened_or_refused_and_nothing_else() -> None:
    table = run("mutate.py", "--count", "40")
    assert table.count("| 0 |") >= 20


def test_killed_jobs_go_on_to_the_same_bits() -> None:
    table = run("kills.py", "--kills", "3", "--only", "generate", "train", "rollout")
    assert table.count("| 3 of 3 |") == 3


def test_faults_of_the_system_lose_nothing() -> None:
    table = run("faults.py", "--count", "2", "--only", "rollout", "save .h5", "save .zarr", "save .pvd")
    assert table.count("| 2 of 2 | 2 of 2 | 2 of 2 | 2 of 2 | 2 of 2 |") == 4
