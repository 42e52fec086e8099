"""Trajectories on meshes in HDF5, in the layouts into which those of MeshGraphNets are converted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from surrogate.datasets import InputError, Mesh, open_dataset, select_samples

RANDOM = np.random.default_rng(0)
FRAMES = 4


def channel(columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points, triangles (clockwise) and node types of two rows of points: inflow, walls, outflow."""
    x, y = np.meshgrid(np.arange(columns), [0, 1, 2], indexing="ij")
    points = np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)
    lower = np.array([3 * column + row for column in range(columns - 1) for row in range(2)])
    cells = np.concatenate(
        [np.column_stack([lower, lower + 1, lower + 4]), np.column_stack([lower, lower + 4, lower + 3])]
    )
    types = np.select([points[:, 1] != 1, points[:, 0] == 0, points[:, 0] == columns - 1], [6, 4, 5])
    return points, cells.astype(np.int32), types.astype(np.int32)


def write(
    path: Path, columns: list[int], *, tiled: bool, positions: str = "pos", **attributes: Any
) -> list[np.ndarray]:
    """Write flows as `tf.reshape` gives them: what is static repeated for each frame, or once."""
    velocities = []
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for number, length in enumerate(columns):
            points, cells, types = channel(length)
            group = file.create_group(str(number))
            for name, values in {positions: points, "cells": cells, "node_type": types[:, None]}.items():
                group[name] = np.tile(values, (FRAMES, 1, 1)) if tiled else values
            velocities.append(RANDOM.normal(size=(FRAMES, len(points), 2)).astype(np.float32))
            group["velocity"] = velocities[-1]
            group["pressure"] = velocities[-1].sum(axis=-1, keepdims=True)
    return velocities


@pytest.mark.parametrize("tiled", [True, False])
@pytest.mark.parametrize("positions", ["pos", "mesh_pos"])
def test_meshes_that_differ(tmp_path: Path, tiled: bool, positions: str) -> None:
    columns = [3, 4, 3, 5, 3, 3, 3, 3, 3, 3, 6]  # "10" sorts behind "9"
    velocities = write(tmp_path / "train.h5", columns, tiled=tiled, positions=positions, dt=0.01)
    fields = open_dataset(tmp_path / "train.h5")
    assert fields["velocity_x"].dims == ("time", "node")
    assert fields["node_count"].values.tolist() == [3 * n for n in columns]
    np.testing.assert_allclose(fields["time"], [0, 0.01, 0.02, 0.03])
    for sample, (length, velocity) in enumerate(zip(columns, velocities, strict=True)):
        own = select_samples(fields, [sample])
        np.testing.assert_array_equal(own["velocity_x"], velocity[..., 0])
        np.testing.assert_array_equal(own["velocity_y"], velocity[..., 1])
        np.testing.assert_array_equal(own["pressure"], velocity.sum(axis=-1))
        points, cells, types = channel(length)
        mesh = Mesh.from_fields(fields, sample)
        np.testing.assert_array_equal(mesh.points, points)
        assert {tuple(sorted(cell)) for cell in mesh.cells.tolist()} == {tuple(sorted(cell)) for cell in cells.tolist()}
        for name, number in (("inflow", 4), ("outflow", 5), ("wall", 6)):
            np.testing.assert_array_equal(mesh.tagged_points(name), np.flatnonzero(types == number))
        assert mesh.cell_measures.sum() == pytest.approx(2 * (length - 1))


def test_one_mesh_for_all(tmp_path: Path) -> None:
    velocities = write(tmp_path / "test.h5", [4, 4], tiled=True)
    fields = open_dataset(tmp_path / "test.h5", names={"velocity_x": "u"}, times=(0.0, 3.0))
    assert fields["u"].dims == ("sample", "time", "node")
    np.testing.assert_array_equal(fields["u"], np.stack(velocities)[..., 0])
    assert fields["time"].values.tolist() == [0, 1, 2, 3]
    assert open_dataset(tmp_path / "test.h5")["time"].values.tolist() == [1, 2, 3, 4]


def test_cloth_and_solids(tmp_path: Path) -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
    world = RANDOM.normal(size=(FRAMES, 4, 3)).astype(np.float32)
    with h5py.File(tmp_path / "plate.h5", "w") as file:
        group = file.create_group("0")
        group["mesh_pos"], group["cells"], group["world_pos"] = points, np.array([[0, 1, 2, 3]]), world
        group["node_type"], group["stiffness"] = np.array([0, 0, 3, 9]), np.arange(4.0)
        group["time"] = [0.0, 0.1, 0.3, 0.4]
    fields = open_dataset(tmp_path / "plate.h5")
    for number, axis in enumerate("xyz"):
        np.testing.assert_array_equal(fields[f"world_pos_{axis}"][0], world[..., number])
    assert fields["time"].values.tolist() == [0, 0.1, 0.3, 0.4]
    np.testing.assert_array_equal(fields["stiffness"], [np.arange(4)])
    mesh = Mesh.from_fields(fields)
    assert mesh.cell_measures == pytest.approx([1 / 6])
    assert {name: nodes.tolist() for name, nodes in mesh.tags.items()} == {"handle": [2], "type_9": [3]}


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "flow.h5"
    moving = np.stack([channel(4)[0] + frame for frame in range(FRAMES)])
    edits: list[tuple[str, Any, str]] = [
        ("1/cells", None, r"mesh_pos or pos, cells and node_type in trajectory '1'"),
        (
            "1/velocity",
            None,
            r"the fields \['pressure', 'velocity'\] of the first trajectory in '1', got \['pressure'\]",
        ),
        ("1/velocity", np.ones((FRAMES, 5, 2)), r"12 nodes, as in the mesh, .* '1/velocity'"),
        ("1/velocity", np.ones((3, 12, 2)), r"4 frames, as in the first .* '1/velocity' of .*, got 3\. Cut all to one"),
        ("1/velocity", np.full((FRAMES, 12, 2), np.nan, "f4"), "finite values in 'velocity_x'"),
        ("1/velocity", np.full((FRAMES, 12, 2), b"word"), "real numbers in '1/velocity'"),
        ("1/pos", moving, r"the same at all times in '1/pos'"),
        ("1/cells", np.array([[0, 1, 99]], dtype="i4"), r"trajectory '1' of .*flow.h5"),
        ("1/node_type", np.zeros(5, "i4"), "n types in trajectory '1'"),
    ]
    for name, values, words in edits:
        write(path, [3, 4], tiled=False)
        with h5py.File(path, "r+") as file:
            del file[name]
            if values is not None:
                file[name] = values
        with pytest.raises(InputError, match=words) as info:
            open_dataset(path)
        assert "flow.h5" in str(info.value)
    write(path, [3, 4], tiled=False, dt=0.1)
    with pytest.raises(InputError, match=r"frames without times in flow.h5, got its own times"):
        open_dataset(path, times=(0.0, 1.0))
    with pytest.raises(InputError, match="different new names for some of"):
        open_dataset(path, names={"v": "u"})
    for share in (0.3, 0.6, 0.95):
        write(path, [3, 4], tiled=True)
        os.truncate(path, int(share * path.stat().st_size))
        with pytest.raises(InputError, match=r"flow.h5"):
            open_dataset(path)
