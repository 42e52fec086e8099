"""Writers for other programs: what these read is what was saved, and so is what we read."""

from __future__ import annotations

import errno
import json
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.datasets import Grid, InputError, Mesh, MovingMesh, describe_many, save_dataset
from surrogate.datasets.meshes.grid_meshes import grid_mesh
from surrogate.datasets.saving import WRITERS
from surrogate.solvers.geometry import RandomPolygons, triangulate

pyvista = pytest.importorskip("pyvista")

TIMES = xr.Variable("time", [0.0, 0.5, 1.5], {"units": "s", "long_name": "time"})
MESH = Mesh(
    [[0, 0], [1, 0], [1, 1], [0, 1], [2, 0]], {"triangle": [[1, 4, 2]], "quad": [[0, 1, 2, 3]]}, {"inlet": [[3, 0]]}
)
GRIDS = {
    "periodic": Grid(shape=(8,), extent=(2.0,), periodic=True),
    "cells": Grid(shape=(4, 5), location="cell"),
    "cells on a line": Grid(shape=(4,), location="cell", boundary=(("dirichlet", "neumann"),)),
    "stretched": Grid(shape=(3, 4, 5), stretching=("chebyshev", "uniform", [0.0, 0.1, 0.3, 0.6, 1.0])),
}


def numbers(*shape: int, dtype: str = "f8") -> np.ndarray:
    return np.random.default_rng(sum(shape)).random(shape).astype(dtype)


def on_grid(grid: Grid) -> xr.Dataset:
    shape, axes = grid.shape, grid.names
    variables = {
        "u": (("sample", "time", *axes), numbers(2, 3, *shape), {"units": "m/s", "long_name": "speed"}),
        "permeability": (("sample", *axes), numbers(2, *shape, dtype="f4"), {"units": "m2"}),
        "load": ("sample", [1.5, 2.5], {"units": "N"}),
        "viscosity": ((), 0.1, {"units": "1"}),
    }
    return xr.Dataset(variables, {**grid.coordinates("m"), "time": TIMES}, {"equation": "u_t = 0", "seed": 3})


def on_one_mesh() -> xr.Dataset:
    variables = {
        "T": (("sample", "time", "node"), numbers(2, 3, 5), {"units": "K", "long_name": "temperature"}),
        "a": (("sample", "cell"), numbers(2, 2), {"units": "1"}),
    }
    return xr.Dataset(variables, {**MESH.coordinates("m"), "time": TIMES})


def on_many_meshes() -> xr.Dataset:
    meshes = [triangulate(RandomPolygons().sample(seed=0, index=i), 0.3)[0] for i in range(2)]
    points, cells = (sum(getattr(mesh, name) for mesh in meshes) for name in ("n_points", "n_cells"))
    variables = {
        "T": (("time", "node"), numbers(3, points), {"units": "K"}),
        "a": ("cell", numbers(cells, dtype="f4"), {"units": "1"}),
        "load": ("sample", [1.5, 2.5], {"units": "N"}),
    }
    return xr.Dataset(variables, {**describe_many(meshes), "time": TIMES})


def on_a_moving_mesh() -> xr.Dataset:
    moving = MovingMesh(MESH, TIMES.values, np.stack([MESH.points * (1 + t) for t in TIMES.values]))
    return xr.Dataset({"T": (("time", "node"), numbers(3, 5), {"units": "K"})}, moving.coordinates("m", "s"))


FIELDS = {
    **{name: on_grid(grid) for name, grid in GRIDS.items()},
    "steady": on_grid(GRIDS["cells"]).isel(time=0, drop=True),
    "mesh": on_one_mesh(),
    "steady mesh": on_one_mesh().isel(time=0, drop=True),
    "meshes": on_many_meshes(),
    "moving": on_a_moving_mesh(),
}


def same_values(found: xr.Dataset, fields: xr.Dataset) -> None:
    """Compare up to the dimension of a single sample, and of the places of a grid."""
    assert set(found.data_vars) == set(fields.data_vars)
    for name, variable in fields.data_vars.items():
        assert found[name].dtype == variable.dtype
        assert ("time" in found[name].dims) == ("time" in variable.dims)
        np.testing.assert_array_equal(found[name].values.ravel(), variable.values.ravel())
        assert variable.attrs.items() <= found[name].attrs.items()
    if "time" in fields.dims:
        assert found["time"].attrs == fields["time"].attrs
        np.testing.assert_array_equal(found["time"], fields["time"])
    assert fields.attrs.items() <= found.attrs.items()


@pytest.mark.parametrize("suffix", [".zarr", ".xdmf", ".pvd"])
@pytest.mark.parametrize("name", FIELDS)
def test_what_was_saved_is_opened(name: str, suffix: str, tmp_path: Path) -> None:
    fields = FIELDS[name]
    save_dataset(fields, tmp_path / f"fields{suffix}")
    found = sg.open_dataset(tmp_path / f"fields{suffix}")
    same_values(found, fields)
    if "node" in fields.dims and name != "moving":
        for sample in range(2) if "node_count" in fields else [None]:
            one, other = Mesh.from_fields(found, sample), Mesh.from_fields(fields, sample)
            assert one.key == other.key
            assert {tag: one.tagged_points(tag).tolist() for tag in one.tags} == {
                tag: other.tagged_points(tag).tolist() for tag in other.tags
            }
    elif name == "moving":
        assert np.array_equal(MovingMesh.from_fields(found).points, MovingMesh.from_fields(fields).points)
    elif suffix != ".pvd":
        assert Grid.from_fields(found) == Grid.from_fields(fields)
        assert found["x"].attrs["units"] == "m"
    else:
        assert Mesh.from_fields(found) == grid_mesh(Grid.from_fields(fields))


@pytest.mark.parametrize("suffix", [".xdmf", ".pvd"])
@pytest.mark.parametrize("name", ["stretched", "mesh", "meshes"])
def test_values_are_read_when_they_are_asked_for(name: str, suffix: str, tmp_path: Path) -> None:
    save_dataset(FIELDS[name], tmp_path / f"fields{suffix}")
    found = sg.open_dataset(tmp_path / f"fields{suffix}")
    field = "u" if name == "stretched" else "T"
    whole = found[field].values
    assert not found[field].variable._in_memory
    copy = pickle.loads(pickle.dumps(found))  # as data loaders do for their workers
    for fields in (found, copy):
        part = {dim: [1, 0] for dim in found[field].dims} | {"time": 2}
        places = tuple([1, 0] if dim != "time" else [2] for dim in found[field].dims)
        picked = whole[np.ix_(*places)].squeeze(found[field].dims.index("time"))
        np.testing.assert_array_equal(fields[field].isel(part), picked)
        backward = np.flip(whole, found[field].dims.index("time"))
        np.testing.assert_array_equal(fields[field].isel(time=slice(None, None, -1)), backward)


def test_vtk_reads_a_collection(tmp_path: Path) -> None:
    fields = FIELDS["mesh"]
    save_dataset(fields, tmp_path / "fields.pvd")
    reader = pyvista.get_reader(tmp_path / "fields.pvd")
    assert reader.time_values == TIMES.values.tolist()
    reader.set_active_time_value(0.5)
    blocks = reader.read()
    assert len(blocks) == 2
    for sample, block in enumerate(blocks):
        np.testing.assert_array_equal(block.point_data["T"], fields["T"].isel(sample=sample, time=1))
        np.testing.assert_array_equal(block.cell_data["a"], fields["a"].isel(sample=sample))
        assert block.compute_cell_sizes().cell_data["Area"] == pytest.approx(MESH.cell_measures)
        assert np.flatnonzero(block.point_data["tag:inlet"]).tolist() == [0, 3]


@pytest.mark.parametrize("name", GRIDS)
def test_vtk_sees_a_grid_where_it_is(name: str, tmp_path: Path) -> None:
    grid, fields = GRIDS[name], FIELDS[name]
    save_dataset(fields, tmp_path / "fields.pvd")
    save_dataset(fields, tmp_path / "fields.xdmf")
    points = np.stack(np.meshgrid(*grid.axes, indexing="ij"), axis=-1).reshape(-1, grid.dim)
    for suffix in ("pvd", "xdmf"):
        reader = pyvista.get_reader(tmp_path / f"fields.{suffix}")
        reader.set_active_time_value(1.5)
        block = reader.read()[1]
        where = block.cell_centers().points if grid.location == "cell" else block.points
        values = (block.cell_data if grid.location == "cell" else block.point_data)["u"]
        order = np.lexsort(np.round(where[:, : grid.dim], 9).T[::-1])
        # VTK computes centers in the single precision of its picture of the points
        np.testing.assert_allclose(where[order][:, : grid.dim], points, atol=1e-6)
        np.testing.assert_array_equal(values[order], fields["u"].isel(sample=1, time=2).values.ravel())


@pytest.mark.parametrize("name", ["mesh", "moving"])
def test_meshio_reads_a_series(name: str, tmp_path: Path) -> None:
    fields = FIELDS[name].isel(sample=0) if name == "mesh" else FIELDS[name]
    save_dataset(fields, tmp_path / "fields.xdmf")
    with meshio.xdmf.TimeSeriesReader(tmp_path / "fields.xdmf") as reader:
        points, cells = reader.read_points_cells()
        assert np.array_equal(points[:, :2], MESH.points)
        assert {block.type: block.data.tolist() for block in cells} == {"triangle": [[1, 4, 2]], "quad": [[0, 1, 2, 3]]}
        for number in range(3):
            time, at_points, _ = reader.read_data(number)
            assert time == TIMES.values[number]
            np.testing.assert_array_equal(at_points["T"], fields["T"].isel(time=number))


def test_vtk_reads_a_moving_mesh(tmp_path: Path) -> None:
    save_dataset(FIELDS["moving"], tmp_path / "fields.xdmf")
    reader = pyvista.get_reader(tmp_path / "fields.xdmf")
    reader.set_active_time_value(1.5)
    found = reader.read()
    block = found[0] if isinstance(found, pyvista.MultiBlock) else found
    np.testing.assert_allclose(block.points[:, :2], 2.5 * MESH.points, rtol=1e-6)


def test_xarray_reads_a_store(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="error"):
        save_dataset(FIELDS["stretched"], tmp_path / "fields.zarr")
        found = xr.open_zarr(tmp_path / "fields.zarr", consolidated=False, decode_timedelta=False)
    xr.testing.assert_identical(found.drop_attrs(deep=False).compute(), FIELDS["stretched"].drop_attrs(deep=False))
    assert json.loads((tmp_path / "fields.zarr" / "zarr.json").read_text())["zarr_format"] == 3


def test_a_store_is_written_in_blocks(tmp_path: Path) -> None:
    """Also of fields that come from another file, and then again from the store."""
    fields = xr.Dataset({"u": (("sample", "x"), numbers(6, 2**20), {"units": "1"})}, Grid(shape=(2**20,)).coordinates())
    save_dataset(fields, tmp_path / "0.h5")
    save_dataset(sg.open_dataset(tmp_path / "0.h5"), tmp_path / "1.zarr")
    save_dataset(sg.open_dataset(tmp_path / "1.zarr"), tmp_path / "2.zarr")
    found = sg.open_dataset(tmp_path / "2.zarr")
    assert found["u"].encoding["chunks"] == (2, 2**20)
    np.testing.assert_array_equal(found["u"], fields["u"])


@pytest.mark.parametrize("suffix", [".zarr", ".xdmf", ".pvd"])
def test_nothing_is_overwritten_unless_asked_for_and_then_nothing_is_left(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"fields{suffix}"
    save_dataset(FIELDS["mesh"], path)
    names = {found.name for found in tmp_path.iterdir()}
    with pytest.raises(InputError, match="an output path that does not exist"):
        save_dataset(FIELDS["mesh"], path)
    for _ in range(2):
        save_dataset(FIELDS["mesh"] + 1 if suffix == ".zarr" else FIELDS["moving"], path, overwrite=True)
        assert len(list(tmp_path.iterdir())) == len(names)
    assert ("a" in sg.open_dataset(path)) == (suffix == ".zarr")


def disk_full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("suffix", [".zarr", ".xdmf", ".pvd"])
@pytest.mark.parametrize("older", [False, True])
def test_a_full_disk_changes_nothing(suffix: str, older: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"fields{suffix}"
    if older:
        save_dataset(FIELDS["mesh"], path)
    before = {found: found.stat().st_mtime_ns for found in tmp_path.rglob("*")}
    monkeypatch.setattr("os.fsync", disk_full)
    with pytest.raises(OSError, match=rf"Could not write '.*fields\{suffix}.*No space left on device\. Nothing was ch"):
        save_dataset(FIELDS["moving"], path, overwrite=older)
    assert {found: found.stat().st_mtime_ns for found in tmp_path.rglob("*")} == before
    monkeypatch.undo()
    if older:
        same_values(sg.open_dataset(path), FIELDS["mesh"])


def test_what_a_killed_move_set_aside_comes_back(tmp_path: Path) -> None:
    save_dataset(FIELDS["mesh"], tmp_path / "fields.zarr")
    (tmp_path / "fields.zarr").rename(tmp_path / ".fields.zarr.old")
    (tmp_path / ".fields.zarr.part").mkdir()
    with pytest.raises(InputError, match="an output path that does not exist"):
        save_dataset(FIELDS["moving"], tmp_path / "fields.zarr")
    same_values(sg.open_dataset(tmp_path / "fields.zarr"), FIELDS["mesh"])


def test_what_a_format_cannot_say_is_refused(tmp_path: Path) -> None:
    series = FIELDS["mesh"].assign(force=("time", [1.0, 2.0, 3.0], {"units": "N"}))
    for suffix in (".xdmf", ".pvd"):
        with pytest.raises(InputError, match=r"fields on one mesh or grid for .*'force' over .*drop_vars\('force'\)"):
            save_dataset(series, tmp_path / f"fields{suffix}")
        with pytest.raises(InputError, match="fields over space for"):
            save_dataset(FIELDS["cells"][["load"]], tmp_path / f"fields{suffix}")
    with pytest.raises(InputError, match=r"ends in \.h5, .*\.zarr, \.xdmf, \.pvd, got '.*fields.vtu'"):
        save_dataset(series, tmp_path / "fields.vtu")
    with pytest.raises(InputError, match=r"a format out of netcdf, zarr, .*got 'vtk'"):
        save_dataset(series, tmp_path / "fields.vtu", format="vtk")
    with pytest.raises(InputError, match=r"ends in \.zarr, got '.*fields.h5'"):
        save_dataset(series, tmp_path / "fields.h5", format="zarr")
    assert not list(tmp_path.iterdir())


def test_all_formats_that_are_written_are_read() -> None:
    from surrogate.datasets.formats import FORMATS

    assert WRITERS.keys() <= {choice.name for choice in FORMATS}
