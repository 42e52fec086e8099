"""Cases of OpenFOAM and EnSight, written by their specifications and by VTK."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import surrogate as sg
from surrogate.datasets import Grid, InputError, Mesh, MovingMesh
from surrogate.datasets.meshes.grid_meshes import grid_mesh
from surrogate.datasets.readers import vtk_grids, vtk_process

pyvista = pytest.importorskip("pyvista")
vtkEnSightWriter = pytest.importorskip("vtkmodules.vtkIOParallel").vtkEnSightWriter

BOX = grid_mesh(Grid(shape=(3, 2, 2), extent=(3.0, 1.0, 1.0), location="cell"))
HEADER = "FoamFile\n{{\n    version 2.0;\n    format ascii;\n    class {kind};\n    object {name};\n}}\n"


def write(path: Path, kind: str, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER.format(kind=kind, name=path.name) + body)


def listed(rows: np.ndarray) -> str:
    lines = [f"({' '.join(map(str, row))})" if np.ndim(row) else str(row) for row in rows.tolist()]
    return f"{len(lines)}\n(\n" + "\n".join(lines) + "\n)\n"


def write_mesh(folder: Path, mesh: Mesh) -> None:
    """Write faces as blockMesh orders them: inner ones from the cell of lower number, then patch by patch."""
    owners: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}
    for cell, nodes in enumerate(mesh.cells):
        for facet in mesh.blocks[0].kind.facets:
            face = nodes[list(facet)].tolist()
            owners.setdefault(tuple(sorted(face)), []).append((cell, face))
    inner = sorted((sides for sides in owners.values() if len(sides) == 2), key=lambda sides: [s[0] for s in sides])
    outer = [sides[0] for sides in owners.values() if len(sides) == 1]
    x = mesh.points[:, 0]
    patches = {
        "inlet": [side for side in outer if (x[side[1]] == 0).all()],
        "outlet": [side for side in outer if (x[side[1]] == 3).all()],
    }
    ends = patches["inlet"] + patches["outlet"]
    patches["walls"] = [side for side in outer if side not in ends]
    faces = [sides[0] for sides in inner] + [side for patch in patches.values() for side in patch]
    write(folder / "points", "vectorField", listed(mesh.points))
    lines = "\n".join(f"4({' '.join(map(str, face))})" for _, face in faces)
    write(folder / "faces", "faceList", f"{len(faces)}\n(\n{lines}\n)\n")
    write(folder / "owner", "labelList", listed(np.array([cell for cell, _ in faces])))
    write(folder / "neighbour", "labelList", listed(np.array([sides[1][0] for sides in inner])))
    start, entries = len(inner), ""
    for name, patch in patches.items():
        entries += f"{name}\n{{\n    type patch;\n    nFaces {len(patch)};\n    startFace {start};\n}}\n"
        start += len(patch)
    write(folder / "boundary", "polyBoundaryMesh", f"{len(patches)}\n(\n{entries})\n")


def write_field(path: Path, values: np.ndarray, kind: str = "scalar") -> None:
    body = f"dimensions [0 0 0 0 0 0 0];\ninternalField nonuniform List<{kind}>\n{listed(values)};\n"
    write(path, f"vol{kind.title()}Field", body + 'boundaryField\n{\n    ".*" { type zeroGradient; }\n}\n')


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "cavity"
    write(folder / "system" / "controlDict", "dictionary", "startTime 0;\nendTime 1;\ndeltaT 0.5;\n")
    write_mesh(folder / "constant" / "polyMesh", BOX)
    for number, time in enumerate(("0", "0.5", "1")):
        write_field(folder / time / "p", np.arange(12.0) + 100 * number)
        write_field(folder / time / "U", np.arange(36.0).reshape(12, 3) - number, "vector")
    write_field(folder / "1" / "late", np.zeros(12))
    return folder


@pytest.mark.parametrize("by", ["folder", "marker"])
def test_openfoam(case: Path, by: str) -> None:
    (case / "cavity.foam").touch()
    fields = sg.open_dataset(case if by == "folder" else case / "cavity.foam", names={"p": "pressure"})
    assert fields["time"].values.tolist() == [0.0, 0.5, 1.0]
    assert set(fields.data_vars) == {"pressure", "U_x", "U_y", "U_z"}
    mesh = Mesh.from_fields(fields)
    assert mesh.key == BOX.key or np.array_equal(mesh.cell_centers, BOX.cell_centers)
    for number in range(3):
        np.testing.assert_array_equal(fields["pressure"][0, number], np.arange(12.0) + 100 * number)
        np.testing.assert_array_equal(fields["U_y"][0, number], np.arange(1.0, 36, 3) - number)
    for name, at in (("inlet", 0.0), ("outlet", 3.0)):
        np.testing.assert_array_equal(mesh.points[mesh.tagged_points(name), 0], np.full(9, at))
        assert len(mesh.tagged_facets(name)) == 4


def test_openfoam_with_a_mesh_that_moves(case: Path) -> None:
    write(case / "0.5" / "polyMesh" / "points", "vectorField", listed(BOX.points * [1, 2, 1]))
    write(case / "1" / "polyMesh" / "points", "vectorField", listed(BOX.points * [1, 3, 1]))
    moving = MovingMesh.from_fields(sg.open_dataset(case))
    np.testing.assert_allclose([moving.at(frame).cell_measures.sum() for frame in range(3)], [3, 6, 9])


def test_openfoam_that_cannot_be_read(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = case / "constant" / "polyMesh" / "points"
    whole = points.read_text()
    points.write_text(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a readable .*cavity"):
        sg.open_dataset(case)
    points.write_text(whole)
    for time in ("0", "0.5", "1"):
        (case / time).rename(case / f"old_{time}")
    with pytest.raises(InputError, match=r"results in .*cavity', got no folders of times"):
        sg.open_dataset(case)
    (case / "constant" / "polyMesh").rename(case / "polyMesh")
    (case / "processor0").mkdir()
    with pytest.raises(InputError, match=r"a whole case in .*Run reconstructPar"):
        sg.open_dataset(case)


def test_pyvista_is_named_where_it_is_missing(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vtk_process, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"PyVista, to read .*Run: pip install surrogate-pde\[simulation\]"):
        sg.open_dataset(case)


def test_ensight_as_vtk_writes_it(tmp_path: Path) -> None:
    grid = pyvista.ImageData(dimensions=(3, 2, 2)).cast_to_structured_grid().cast_to_unstructured_grid()
    grid.cell_data["BlockId"] = np.ones(2, dtype="i4")  # parts count from one
    writer = vtkEnSightWriter()
    writer.SetPath(str(tmp_path))
    writer.SetBaseName("box")
    for step in range(3):
        grid.point_data["T"] = np.arange(12, dtype="f4") + step
        grid.cell_data["p"] = np.arange(2, dtype="f4") - step
        writer.SetInputData(grid)
        writer.SetTimeStep(step)
        writer.Write()
    writer.WriteCaseFile(3)
    fields = sg.open_dataset(tmp_path / "box.0.case", names={"T_n": "temperature"})
    assert fields["time"].values.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(fields["temperature"][0], np.arange(12.0) + np.arange(3.0)[:, None])
    np.testing.assert_array_equal(fields["p_c"][0], np.arange(2.0) - np.arange(3.0)[:, None])
    mesh = Mesh.from_fields(fields)
    np.testing.assert_array_equal(mesh.points, grid.points)
    assert mesh.cell_measures == pytest.approx([1, 1])


ENSIGHT = """FORMAT
type: ensight gold
GEOMETRY
model: {geometry}
VARIABLE
scalar per node: T T.scl
"""


def write_ensight(folder: Path, geometry: str = "prism.geo") -> None:
    """Write one prism with its bottom as a part of its own, in text."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 2], [1, 0, 2], [0, 1, 2]], dtype=float)
    lines = ["a prism", "and its bottom", "node id off", "element id off"]
    parts = (("prism", points, "penta6", range(1, 7)), ("bottom", points[:3], "tria3", range(1, 4)))
    values = ["temperature"]
    for number, (name, nodes, kind, corners) in enumerate(parts, 1):
        lines += ["part", f"{number:10d}", name, "coordinates", f"{len(nodes):10d}"]
        lines += [f"{x:12.5e}" for x in nodes.T.ravel()]
        lines += [kind, f"{1:10d}", "".join(f"{corner:10d}" for corner in corners)]
        values += ["part", f"{number:10d}", "coordinates", *(f"{x:12.5e}" for x in nodes[:, 0])]
    (folder / "prism.geo").write_text("\n".join(lines) + "\n")
    (folder / "T.scl").write_text("\n".join(values) + "\n")
    (folder / "prism.case").write_text(ENSIGHT.format(geometry=geometry))


def test_parts_of_ensight_that_lie_on_others_are_tags(tmp_path: Path) -> None:
    write_ensight(tmp_path)
    fields = sg.open_dataset(tmp_path / "prism.case")
    assert fields["T"].dims == ("sample", "node")
    np.testing.assert_array_equal(fields["T"], [[0, 1, 0, 0, 1, 0]])
    mesh = Mesh.from_fields(fields)
    assert mesh.cell_measures == pytest.approx([1 / 3] * 3)  # a prism of volume 1
    assert mesh.tagged_points("bottom").tolist() == [0, 1, 2]


def test_ensight_stays_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    write_ensight(tmp_path / "inner", "../prism.geo")
    (tmp_path / "inner" / "prism.geo").rename(tmp_path / "prism.geo")
    with pytest.raises(InputError, match=r"only files in the folder of .*prism\.case' or below, got '../prism.geo'"):
        sg.open_dataset(tmp_path / "inner" / "prism.case")
    write_ensight(tmp_path, "missing.geo")
    with pytest.raises(InputError, match=r"prism\.case"):
        sg.open_dataset(tmp_path / "prism.case")


def test_polyhedra_are_cut() -> None:
    """A cube whose faces are given one by one."""
    cube = pyvista.ImageData(dimensions=(2, 2, 2)).cast_to_unstructured_grid()
    faces = [[4, 0, 2, 3, 1], [4, 4, 5, 7, 6], [4, 0, 1, 5, 4], [4, 2, 6, 7, 3], [4, 0, 4, 6, 2], [4, 1, 3, 7, 5]]
    stream = [6, *(number for face in faces for number in face)]
    grid = pyvista.UnstructuredGrid(np.array([len(stream), *stream]), np.array([42]), np.array(cube.points))
    grid.cell_data["p"] = np.array([3.0])
    file = vtk_grids.joined([grid], {}, Path("cube"))
    mesh = Mesh(file.points, {"tetrahedron": file.cells[0].data})
    assert mesh.cell_measures.sum() == pytest.approx(1)
    np.testing.assert_array_equal(file.cell_data["p"][0], np.full(mesh.n_cells, 3.0))
