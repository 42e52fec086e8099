"""Every example runs as it stands, and the number that it shows is right.

An example is a script, read from top to bottom in the gallery: no arguments needed, under half a minute on two cores,
files only in the working directory. The number that it ends with is a variable; `CHECKS` names it and the interval that
it must lie in.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
CHECKS: dict[str, tuple[str, float, float]] = {
    "darcy_from_file": ("error_at_16", 0.35, 0.55),
    "plot_polygons": ("gnot_error", 0.75, 0.95),
    "plot_burgers": ("first_step", 0.02, 0.05),
    "plot_kernels": ("effective_rank", 7.0, 10.0),
    "plot_ensemble": ("errors", 1, 1),
    "plot_flows": ("coarse_error", 7e-4, 9e-4),
    "plot_corrected": ("ratio", 0.2, 0.7),
    "plot_pod_forecaster": ("ridge_error", 0.10, 0.18),
    "plot_series": ("ridge_error", 0.10, 0.17),
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert path.stem in CHECKS, "every example has a number to check"
    name, low, high = CHECKS[path.stem]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(path)])
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    value = runpy.run_path(str(path), run_name="__main__")[name]
    assert low <= value <= high
