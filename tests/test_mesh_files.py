"""Files of simulation codes: what ParaView and Gmsh would read and write."""

from __future__ import annotations

from pathlib import Path

import meshio
import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.datasets import InputError, Mesh, describe_many, save_mesh
from surrogate.solvers.geometry import RandomPolygons, triangulate

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0]])
CELLS = [("quad", [[0, 1, 2, 3]]), ("triangle", [[1, 4, 2]])]


def polygons(count: int) -> tuple[list[Mesh], xr.Dataset]:
    meshes = [triangulate(RandomPolygons().sample(seed=0, index=i), 0.3)[0] for i in range(count)]
    node = np.concatenate([mesh.points[:, 0] + i for i, mesh in enumerate(meshes)])
    cell = np.concatenate([mesh.cell_measures for mesh in meshes])
    variables = {"u": ("node", node, {"units": "1"}), "a": ("cell", cell, {"units": "1"})}
    return meshes, xr.Dataset(variables, coords=describe_many(meshes))


@pytest.mark.parametrize("suffix", [".vtu", ".vtk", ".xdmf"])
def test_meshes_of_several_files_are_samples(tmp_path: Path, suffix: str) -> None:
    meshes, fields = polygons(3)
    for sample in range(3):
        save_mesh(fields, tmp_path / f"run_{sample}{suffix}", sample=sample)
    found = sg.open_dataset(tmp_path / f"*{suffix}")
    assert found.sizes["sample"] == 3
    assert np.array_equal(found["u"], fields["u"])
    assert np.array_equal(found["a"], fields["a"])
    for sample, mesh in enumerate(meshes):
        again = Mesh.from_fields(found, sample)
        assert again.key == mesh.key
        for name in mesh.tags:
            assert np.array_equal(again.tagged_points(name), mesh.tagged_points(name))
    assert {path.suffix for path in tmp_path.iterdir()} == {suffix}


def test_equal_meshes_are_one(tmp_path: Path) -> None:
    for number in range(2):
        data = {"T": np.arange(5.0) + number, "velocity": np.ones((5, 3), dtype=np.float32)}
        flags = [np.array([1.0 + number]), np.array([2.0])]
        meshio.Mesh(SQUARE, CELLS, point_data=data, cell_data={"a": flags}).write(tmp_path / f"{number}.vtu")
    found = sg.open_dataset(tmp_path / "*.vtu", names={"T": "temperature"})
    assert found["temperature"].dims == ("sample", "node")
    assert found["a"].values.tolist() == [[1.0, 2.0], [2.0, 2.0]]
    assert found["velocity_y"].dtype == np.float32
    mesh = Mesh.from_fields(found)
    assert (mesh.dim, mesh.n_cells) == (2, 2)
    assert sg.open_dataset(tmp_path / "0.vtu").sizes["sample"] == 1


def test_mixed_cells_keep_their_values(tmp_path: Path) -> None:
    """VTK lists cells by kind: an order that mixes kinds changes, and the values with it."""
    cells = np.array([[1, 4, 2, -1], [0, 1, 2, 3]])
    mesh = Mesh(SQUARE[:, :2], cells, cell_dim=2)
    fields = xr.Dataset({"a": ("cell", mesh.cell_measures, {"units": "1"})}, coords=mesh.coordinates())
    fields["u"] = ("node", mesh.points[:, 0], {"units": "1"})
    save_mesh(fields, tmp_path / "mixed.vtu")
    found = sg.open_dataset(tmp_path / "mixed.vtu")
    assert found["a"].values[0] == pytest.approx(Mesh.from_fields(found).cell_measures)


def test_gmsh_names_become_tags(tmp_path: Path) -> None:
    blocks = [("line", np.array([[3, 0], [4, 2]])), *((kind, np.array(nodes)) for kind, nodes in CELLS)]
    physical = [np.array([7, 8]), np.array([9]), np.array([9])]
    names = {"inlet": np.array([7, 1]), "outlet": np.array([8, 1]), "fluid": np.array([9, 2])}
    file = meshio.Mesh(SQUARE, blocks, {"u": SQUARE[:, 0]}, {"gmsh:physical": physical, "gmsh:geometrical": physical})
    file.field_data = names
    file.write(tmp_path / "channel.msh", file_format="gmsh22")
    mesh = Mesh.from_fields(sg.open_dataset(tmp_path / "channel.msh"))
    assert mesh.tags["inlet"].tolist() == [[3, 0]]
    assert mesh.tagged_points("outlet").tolist() == [2, 4]
    assert "fluid" not in mesh.tags


def test_files_that_are_no_meshes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.vtu").write_text("<VTKFile")
    with pytest.raises(InputError, match=r"a readable mesh in '.*broken.vtu'"):
        sg.open_dataset(tmp_path / "broken.vtu")
    meshio.Mesh(np.vstack([SQUARE, SQUARE]), [("triangle6", [[0, 1, 2, 3, 4, 5]])]).write(tmp_path / "curved.vtu")
    with pytest.raises(InputError, match=r"cells out of line, .* got \['triangle6'\]. Cut or linearize"):
        sg.open_dataset(tmp_path / "curved.vtu")
    meshio.Mesh(SQUARE, [("vertex", [[0], [1]])]).write(tmp_path / "points.vtu")
    with pytest.raises(InputError, match="a mesh with cells"):
        sg.open_dataset(tmp_path / "points.vtu")
    with pytest.raises(InputError, match=r"files that match '.*none"):
        sg.open_dataset(tmp_path / "none*.vtu")
    (tmp_path / "curved.txt").touch()
    with pytest.raises(InputError, match=r"only .*mesh files that match .*'.*curved.txt'. Open other files one by one"):
        sg.open_dataset(tmp_path / "curved*")
    for number, name in enumerate(("T", "p")):
        meshio.Mesh(SQUARE, CELLS, point_data={name: np.zeros(5)}).write(tmp_path / f"run_{number}.vtu")
    with pytest.raises(InputError, match=r"the fields \['T'\] in '.*run_1.vtu', as in the first, got \['p'\]"):
        sg.open_dataset(tmp_path / "run_*.vtu")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    _, fields = polygons(1)
    with pytest.raises(InputError, match=r"a path that ends in .vtu, .vtk, .xdmf, got '.*x.stl'"):
        save_mesh(fields, tmp_path / "x.stl")
    save_mesh(fields, tmp_path / "x.vtu")
    with pytest.raises(InputError, match="an output path that does not exist"):
        save_mesh(fields, tmp_path / "x.vtu")
    time = xr.Variable(("time",), [0.0, 1.0], {"units": "s"})
    moving = fields.assign(v=(("time", "node"), np.zeros((2, fields.sizes["node"])), {"units": "1"}), time=time)
    with pytest.raises(InputError, match="fields at one time, got 2 times"):
        save_mesh(moving, tmp_path / "y.vtu")
