"""What is drawn in space is the field; the curl is that of flows whose curl is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from surrogate.datasets import Grid, InputError
from surrogate.evaluation import vorticity
from surrogate.evaluation.plots import plot_isosurfaces, plot_slices

AsFields = Callable[..., xr.Dataset]
GRID = Grid((16, 12, 14), extent=(2 * np.pi,) * 3, periodic=True)


def ball(as_fields: AsFields) -> xr.Dataset:
    """Return the distance to the center of a cube."""
    grid = Grid((41, 41, 41), extent=((-1.0, 1.0),) * 3)
    x, y, z = np.meshgrid(*grid.axes, indexing="ij")
    return as_fields(grid, {"r": ("time x y z", np.sqrt(x**2 + y**2 + z**2)[None])}, time=[0])


def test_the_curl_of_a_beltrami_flow_is_the_flow(as_fields: AsFields) -> None:
    x, y, z = np.meshgrid(*GRID.axes, indexing="ij")
    flow = np.sin(z) + 0.7 * np.cos(y), 0.5 * np.sin(x) + np.cos(z), 0.7 * np.sin(y) + 0.5 * np.cos(x)
    names = [f"velocity_{axis}" for axis in "xyz"]
    fields = as_fields(GRID, {n: ("sample time x y z", u[None, None]) for n, u in zip(names, flow, strict=True)}, [0.0])
    curl = vorticity(fields)
    for axis, u in zip("xyz", flow, strict=True):
        np.testing.assert_allclose(curl[f"vorticity_{axis}"].values[0, 0], u, atol=1e-13)
    np.testing.assert_allclose(curl["vorticity_magnitude"][0, 0], np.sqrt(sum(u**2 for u in flow)), atol=1e-13)
    assert curl["vorticity_x"].attrs["units"] == "(1) / (m)"


def test_a_plane_that_turns_has_twice_its_rate(as_fields: AsFields) -> None:
    grid = Grid((7, 9), extent=(1.0, 2.0))
    x, y = np.meshgrid(*grid.axes, indexing="ij")
    turn = as_fields(grid, {"velocity_x": ("x y", -3 * y), "velocity_y": ("x y", 3 * x)})
    np.testing.assert_allclose(vorticity(turn)["vorticity"], 6.0, rtol=1e-13)
    with pytest.raises(InputError, match="a field 'velocity_y'"):
        vorticity(turn[["velocity_x"]])


def test_the_isosurface_of_a_distance_is_a_sphere(as_fields: AsFields, tmp_path: Path) -> None:
    pytest.importorskip("pyvista", reason="the extra volume is not installed")
    plotter = plot_isosurfaces(ball(as_fields), "r", levels=[0.5], path=tmp_path / "ball.png")
    sphere = max(plotter.meshes, key=lambda mesh: mesh.n_points)  # the box around it has few
    assert np.abs(np.linalg.norm(sphere.points, axis=1) - 0.5).max() < 0.05**2 / 0.5  # h^2 times the curvature
    assert sphere.area == pytest.approx(np.pi, rel=0.01)
    with Image.open(tmp_path / "ball.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5
    with pytest.raises(InputError, match="overwrite=True"):
        plot_isosurfaces(ball(as_fields), "r", path=tmp_path / "ball.png")


def test_slices_go_through_the_middle(as_fields: AsFields, tmp_path: Path) -> None:
    pytest.importorskip("pyvista", reason="the extra volume is not installed")
    plotter = plot_slices(ball(as_fields), "r", path=tmp_path / "slices.png")
    planes = max(plotter.meshes, key=lambda mesh: mesh.n_points).points
    assert len(planes) == 3 * 41**2
    assert np.abs(planes).min(axis=1).max() < 1e-12
    assert (tmp_path / "slices.png").exists()


def test_what_cannot_be_drawn_in_space_is_refused(as_fields: AsFields, tmp_path: Path) -> None:
    pytest.importorskip("pyvista", reason="the extra volume is not installed")
    with pytest.raises(InputError, match=r"levels between 0 and 1\.732, got \[3\.0\]"):
        plot_isosurfaces(ball(as_fields), "r", levels=[3.0])
    with pytest.raises(InputError, match="a field over x, y and z"):
        plot_slices(as_fields(Grid((4,)), {"u": ("x", np.zeros(4))}), "u")
    with pytest.raises(InputError, match="a time out of 1, got 3"):
        plot_slices(ball(as_fields), "r", time=3)
    with pytest.raises(InputError, match=r"ends in \.png"):
        plot_slices(ball(as_fields), "r", path=tmp_path / "a.svg")
