"""Films hold the frames of the fields, in files that play."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from PIL import Image

import surrogate as sg
from surrogate.datasets import Grid, InputError, Mesh, describe_many
from surrogate.evaluation.plots import films
from surrogate.evaluation.plots.moving import Moving

AsFields = Callable[..., xr.Dataset]
SQUARE = Mesh(np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]), np.array([[0, 1, 2, 3]]), cell_dim=2)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.fixture
def plane(as_fields: AsFields) -> xr.Dataset:
    values = {"u": ("sample time x y", random(2, 3, 6, 5)), "a": ("sample x y", random(2, 6, 5))}
    return as_fields(Grid((6, 5), periodic=True), values, time=[0, 1, 2])


def axes_of(moving: Moving) -> tuple[Axes, Callable[[int], Any]]:
    axes = Figure().subplots()
    return axes, moving.draw(axes)


def test_an_image_shows_each_frame_in_the_colors_of_all(plane: xr.Dataset) -> None:
    axes, redraw = axes_of(Moving.of(plane.isel(sample=1), "u"))
    (image,) = [artist for artist in axes.get_children() if isinstance(artist, QuadMesh)]
    for time in (2, 0):
        redraw(time)
        np.testing.assert_array_equal(np.asarray(image.get_array()).reshape(5, 6), plane["u"].values[1, time].T)
        assert image.get_clim()[1] == np.abs(plane["u"].values[1]).max()


def test_space_is_cut_in_the_middle_and_a_line_moves(as_fields: AsFields) -> None:
    box = as_fields(Grid((4, 3, 6)), {"u": ("time x y z", random(2, 4, 3, 6))}, time=[0, 1])
    axes, redraw = axes_of(Moving.of(box, "u"))
    redraw(1)
    np.testing.assert_array_equal(np.asarray(axes.collections[0].get_array()).reshape(3, 4), box["u"][1, :, :, 3].T)
    line = as_fields(Grid((4,)), {"u": ("time x", random(2, 4))}, time=[0, 1])
    axes, redraw = axes_of(Moving.of(line, "u"))
    redraw(1)
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), line["u"][1])


def test_cells_of_a_mesh_change_color() -> None:
    field = ("time", "cell"), random(3, 1), {"units": "1"}
    coords = {**describe_many([SQUARE]), "time": ("time", np.arange(3.0), {"units": "s"})}
    part = sg.datasets.select_samples(xr.Dataset({"a": field}, coords=coords), [0])
    axes, redraw = axes_of(Moving.of(part, "a"))
    redraw(2)
    (cells,) = axes.collections
    np.testing.assert_allclose(np.unique(np.asarray(cells.get_array())), field[1][2])


@pytest.mark.parametrize("suffix", ["gif", "html", "mp4"])
def test_films_have_a_frame_for_each_time(plane: xr.Dataset, tmp_path: Path, suffix: str) -> None:
    path = sg.animate(plane, tmp_path / f"u.{suffix}", progress=False)
    assert path.stat().st_size > 1000
    if suffix == "gif":
        with Image.open(path) as film:
            assert film.n_frames == 3
    elif suffix == "html":
        assert path.read_text().count("data:image/png;base64") == 3
    else:
        imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
        assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == 3
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_comparison_is_truth_predictions_and_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = sg.cases.Burgers(resolution=16, viscosity=0.1, dt=0.1, steps=2)
    truth = sg.generate(case, samples=2, progress=False)
    report = sg.compare({"one": case.solver(substeps=1)}, truth, solvers={}, time_budget=0.1, progress=False)
    shown: list[Moving] = []
    monkeypatch.setattr(films, "_write", lambda panels, path, *rest: (shown.extend(panels), path.write_bytes(b"")))
    sg.animate(report, tmp_path / "a.gif")
    assert [panel.title for panel in shown] == ["reference: u", "one", "error of one"]
    reference, one, error = (panel.part["u"].values for panel in shown)
    np.testing.assert_array_equal(error, one - reference)
    assert shown[0].look == shown[1].look


def test_what_cannot_be_shown_is_refused(plane: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"a film that ends in \.gif, \.mp4, \.html, got '.*u\.avi'"):
        sg.animate(plane, tmp_path / "u.avi")
    with pytest.raises(InputError, match="fields that change in time and space"):
        sg.animate(plane[["a"]], tmp_path / "u.gif")
    with pytest.raises(InputError, match="a sample out of 2, got 2"):
        sg.animate(plane, tmp_path / "u.gif", sample=2)
    with pytest.raises(InputError, match="at least one frame in a second, got 0"):
        sg.animate(plane, tmp_path / "u.gif", fps=0)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(InputError, match=r"ffmpeg, to write \.mp4, got none\. Do|pip install 'surrogate-pde\[film\]'"):
        sg.animate(plane, tmp_path / "u.mp4")
    assert not list(tmp_path.iterdir())
