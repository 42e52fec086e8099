"""CGNS in HDF5, written by its specification, which VTK reads as we do."""

from __future__ import annotations

from pathlib import Path

import h5py
import meshio
import numpy as np
import pytest

import surrogate as sg
from surrogate.datasets import InputError, Mesh

POINTS = np.array([[x, y, z] for z in (0.0, 1.0) for y in (0.0, 1.0) for x in (0.0, 1.0, 2.0)])
HEXAHEDRON = np.array([0, 1, 4, 3, 6, 7, 10, 9])
PRISMS = np.array([[1, 2, 4, 7, 8, 10], [2, 5, 4, 8, 11, 10]])
INLET = np.array([[0, 6, 9, 3]])
TIMES = [0.0, 0.5]


def node(parent: h5py.Group, name: str, label: str, values: np.ndarray | str | None = None) -> h5py.Group:
    group = parent.create_group(name)
    if isinstance(values, str):
        values = np.frombuffer(values.encode(), dtype="i1")
    kinds = {"float64": "R8", "int32": "I4", "int8": "C1"}
    kind = "MT" if values is None else kinds[str(values.dtype)]
    for key, text, size in (("name", name, 33), ("label", label, 33), ("type", kind, 3)):
        group.attrs.create(key, np.bytes_(text), dtype=f"S{size}")
    group.attrs.create("flags", np.array([1], "i4"))
    if values is not None:
        group[" data"] = values
    return group


def root(file: h5py.File, dim: int) -> h5py.Group:
    for key, text, size in (
        ("name", "HDF5 MotherNode", 33),
        ("label", "Root Node of HDF5 File", 33),
        ("type", "MT", 3),
    ):
        file.attrs.create(key, np.bytes_(text), dtype=f"S{size}")
    file[" format"] = np.frombuffer(b"IEEE_LITTLE_32\0", dtype="i1")
    file[" hdf5version"] = np.frombuffer(b"HDF5 Version 1.10".ljust(33, b"\0"), dtype="i1")
    node(file, "CGNSLibraryVersion", "CGNSLibraryVersion_t", np.array([3.2], "f4").astype("f8"))
    file["CGNSLibraryVersion"].attrs.modify("type", np.bytes_("R4"))
    del file["CGNSLibraryVersion/ data"]
    file["CGNSLibraryVersion/ data"] = np.array([3.2], "f4")
    return node(file, "Base", "CGNSBase_t", np.array([dim, dim], "i4"))


def coordinates(zone: h5py.Group, axes: list[np.ndarray]) -> None:
    grid = node(zone, "GridCoordinates", "GridCoordinates_t")
    for name, values in zip("XYZ", axes, strict=False):
        node(grid, f"Coordinate{name}", "DataArray_t", np.ascontiguousarray(values))


def section(zone: h5py.Group, name: str, code: int, numbers: tuple[int, int], nodes: np.ndarray) -> None:
    group = node(zone, name, "Elements_t", np.array([code, 0], "i4"))
    node(group, "ElementRange", "IndexRange_t", np.array(numbers, "i4"))
    node(group, "ElementConnectivity", "DataArray_t", nodes.astype("i4").ravel())


def write(path: Path) -> None:
    """Write a cube beside two prisms, in one section of mixed elements, with an inlet, at two times."""
    with h5py.File(path, "w") as file:
        base = root(file, 3)
        series = node(base, "TimeIterValues", "BaseIterativeData_t", np.array([2], "i4"))
        node(series, "TimeValues", "DataArray_t", np.array(TIMES))
        zone = node(base, "channel", "Zone_t", np.array([[12], [3], [0]], "i4"))
        node(zone, "ZoneType", "ZoneType_t", "Unstructured")
        coordinates(zone, list(POINTS.T))
        mixed = np.concatenate([[14, *(PRISMS[0] + 1)], [17, *(HEXAHEDRON + 1)], [14, *(PRISMS[1] + 1)]])
        section(zone, "fluid", 20, (1, 3), mixed)
        section(zone, "inlet", 7, (4, 4), INLET + 1)
        names = []
        for number in range(2):
            for place, count in (("Vertex", 12), ("CellCenter", 3)):
                solution = node(zone, f"{place}{number}", "FlowSolution_t")
                node(solution, "GridLocation", "GridLocation_t", place)
                node(solution, "Pressure" if count == 3 else "T", "DataArray_t", np.arange(float(count)) + 10 * number)
            names.append(f"CellCenter{number}".ljust(32))
        pointers = node(zone, "ZoneIterativeData", "ZoneIterativeData_t")
        rows = np.frombuffer("".join(names).encode(), dtype="i1").reshape(2, 32)
        node(pointers, "FlowSolutionPointers", "DataArray_t", rows)


@pytest.mark.parametrize("offsets", [False, True])  # the standard has them since version 3.4
def test_mixed_elements_at_all_times(offsets: bool, tmp_path: Path) -> None:
    write(tmp_path / "channel.cgns")
    if offsets:
        with h5py.File(tmp_path / "channel.cgns", "r+") as file:
            node(file["Base/channel/fluid"], "ElementStartOffset", "DataArray_t", np.array([0, 7, 16, 23], "i4"))
    fields = sg.open_dataset(tmp_path / "channel.cgns", names={"Pressure": "p"})
    assert fields["time"].values.tolist() == TIMES
    mesh = Mesh.from_fields(fields)
    assert mesh.cell_measures.sum() == pytest.approx(2)
    assert mesh.tagged_points("inlet").tolist() == [0, 3, 6, 9]
    for number in range(2):
        by_volume = (fields["p"][0, number] * mesh.cell_measures).sum()
        assert by_volume == pytest.approx(0 * 0.5 + 1 * 1 + 2 * 0.5 + 2 * 10 * number)


def test_structured_zones_as_vtk_sees_them(tmp_path: Path) -> None:
    pyvista = pytest.importorskip("pyvista")
    x, y = np.meshgrid(np.linspace(0, 1, 4), np.linspace(0, 2, 3))  # (nj, ni), as the file has them
    with h5py.File(tmp_path / "sheet.cgns", "w") as file:
        zone = node(root(file, 2), "sheet", "Zone_t", np.array([[4, 3], [3, 2], [0, 0]], "i4"))
        node(zone, "ZoneType", "ZoneType_t", "Structured")
        coordinates(zone, [x + 0.1 * y**2, y])
        for place, values in (("Vertex", x + 10 * y), ("CellCenter", np.arange(6.0).reshape(2, 3))):
            solution = node(zone, place, "FlowSolution_t")
            node(solution, "GridLocation", "GridLocation_t", place)
            node(solution, place[0], "DataArray_t", values)
    fields = sg.open_dataset(tmp_path / "sheet.cgns")
    mesh = Mesh.from_fields(fields)
    np.testing.assert_allclose(fields["V"][0], mesh.points @ [1, 10] - 0.1 * mesh.points[:, 1] ** 2)
    reader = pyvista.get_reader(tmp_path / "sheet.cgns")
    reader.enable_all_cell_arrays()
    reader.enable_all_point_arrays()
    theirs = reader.read().combine()
    order, same = (
        np.lexsort(centers.round(6).T) for centers in (mesh.cell_centers, theirs.cell_centers().points[:, :2])
    )
    np.testing.assert_allclose(mesh.cell_centers[order], theirs.cell_centers().points[same, :2], rtol=1e-6)
    np.testing.assert_array_equal(fields["C"][0].values[order], theirs.cell_data["C"][same])


def test_what_meshio_writes_is_read(tmp_path: Path) -> None:
    tetrahedra = np.array([[0, 1, 3, 6], [1, 4, 3, 10]])
    used, cells = np.unique(tetrahedra, return_inverse=True)
    meshio.Mesh(POINTS[used], [("tetra", cells.reshape(2, 4))]).write(tmp_path / "two.cgns")
    with h5py.File(tmp_path / "two.cgns", "r+") as file:
        file["Base/Zone1/Flow/u/ data"] = np.arange(float(len(used)))
    fields = sg.open_dataset(tmp_path / "two.cgns")
    assert Mesh.from_fields(fields).n_cells == 2
    np.testing.assert_array_equal(fields["u"][0], np.arange(6.0))


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    path = tmp_path / "channel.cgns"
    write(path)
    for place, value, message in (
        ("fluid/ElementConnectivity/ data", np.full(23, 22, "i4"), "elements out of .* got number 22 of the standard"),
        ("CellCenter0/Pressure/ data", np.arange(2.0), r"channel\.cgns"),
        ("GridCoordinates/CoordinateX/ data", np.arange(5.0), r"channel\.cgns"),
    ):
        with h5py.File(path, "r+") as file:
            kept = file[f"Base/channel/{place}"][()]
            del file[f"Base/channel/{place}"]
            file[f"Base/channel/{place}"] = value
        with pytest.raises(InputError, match=message):
            sg.open_dataset(path)
        with h5py.File(path, "r+") as file:
            del file[f"Base/channel/{place}"]
            file[f"Base/channel/{place}"] = kept
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a readable HDF5 file at .*channel\.cgns"):
        sg.open_dataset(path)
    with h5py.File(path, "w") as file:
        file["u"] = np.ones(3)
    with pytest.raises(InputError, match=r"a base with zones in .*channel\.cgns', got \['u'\]"):
        sg.open_dataset(path)
