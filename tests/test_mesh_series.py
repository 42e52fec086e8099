"""PVD and XDMF series of other programs; prisms and pyramids."""

from __future__ import annotations

from pathlib import Path

import h5py
import meshio
import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.datasets import Grid, InputError, Mesh
from surrogate.datasets.readers.cutting import cut

POINTS = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0]])
CELLS = [("quad", np.array([[0, 1, 2, 3]])), ("triangle", np.array([[1, 4, 2]]))]
TIMES = [0.0, 0.5, 2.0]


def frame(number: int, points: np.ndarray = POINTS) -> meshio.Mesh:
    velocity = np.arange(15.0).reshape(5, 3) + number
    inside = [np.array([1.0 + number]), np.array([2.0])]
    return meshio.Mesh(points, CELLS, {"T": np.arange(5.0) * number, "U": velocity}, {"a": inside, "T": inside})


def write_collection(path: Path, entries: list[str]) -> None:
    body = "".join(f"<DataSet {entry}/>" for entry in entries)
    path.write_text(f'<?xml version="1.0"?><VTKFile type="Collection"><Collection>{body}</Collection></VTKFile>')


def check_series(fields: xr.Dataset) -> None:
    np.testing.assert_array_equal(fields["time"], TIMES)
    for number in range(3):
        np.testing.assert_array_equal(fields["T"][0, number], np.arange(5.0) * number)
        np.testing.assert_array_equal(fields["U_y"][0, number], np.arange(1.0, 15, 3) + number)
        np.testing.assert_array_equal(fields["a"][0, number], [1.0 + number, 2.0])


def test_a_collection_as_solvers_write_it(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for number in range(3):
        frame(number).write(tmp_path / "frames" / f"{number}.vtu")
    order = [2, 0, 1]
    write_collection(tmp_path / "run.pvd", [f'timestep="{TIMES[i]}" part="0" file="frames/{i}.vtu"' for i in order])
    fields = sg.open_dataset(tmp_path / "run.pvd", names={"T_cell": "mean"})
    check_series(fields)
    np.testing.assert_array_equal(fields["mean"][0, 2], [3, 2])
    frame(0, POINTS * 2).write(tmp_path / "frames" / "3.vtu")
    write_collection(tmp_path / "move.pvd", [f'timestep="{i}" file="frames/{i}.vtu"' for i in (0, 3)])
    assert sg.open_dataset(tmp_path / "move.pvd")["x"].dims == ("time", "node")


def test_collections_of_one_pattern_are_samples(tmp_path: Path) -> None:
    for run, size in enumerate((1.0, 2.0)):
        for number in range(2):
            frame(number + run, POINTS * size).write(tmp_path / f"{run}_{number}.vtu")
        write_collection(tmp_path / f"{run}.pvd", [f'timestep="{i}" file="{run}_{i}.vtu"' for i in range(2)])
    fields = sg.open_dataset(tmp_path / "*.pvd")
    assert fields["T"].dims == ("time", "node")
    assert [Mesh.from_fields(fields, run).cell_measures.sum() for run in range(2)] == [1.5, 6.0]
    np.testing.assert_array_equal(fields["T"][1], np.concatenate([np.arange(5.0), 2 * np.arange(5.0)]))


@pytest.mark.parametrize("name", ["../other.vtu", "/etc/passwd", "link.vtu"])
def test_files_elsewhere_are_not_read(name: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    frame(0).write(tmp_path / "other.vtu")
    (inner / "link.vtu").symlink_to(tmp_path / "other.vtu")
    write_collection(inner / "run.pvd", [f'timestep="0" file="{name}"'])
    with pytest.raises(InputError, match=rf"only files in the folder of '.*run\.pvd' or below, got '.*{name}'"):
        sg.open_dataset(inner / "run.pvd")


def test_what_is_wrong_with_a_collection_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.pvd"
    for number in range(2):
        frame(number).write(tmp_path / f"{number}.vtu")
    turned = [("triangle", np.array([[0, 1, 2], [0, 2, 3], [1, 4, 2]]))]
    meshio.Mesh(POINTS, turned, {"T": np.zeros(5)}).write(tmp_path / "2.vtu")
    meshio.Mesh(POINTS, CELLS, {"p": np.zeros(5)}).write(tmp_path / "3.vtu")
    for entries, message in (
        ([], "files in the collection"),
        (['timestep="0" file="9.vtu"'], r"the file '9\.vtu', which .* names, got none"),
        (['timestep="0" file="0.pvtu"'], r"the file '0\.pvtu'"),
        (['timestep="0" file="0.vtu"', 'timestep="0" file="1.vtu"'], r"increasing times in .*run\.pvd"),
        (['timestep="x" file="0.vtu"'], r"a readable collection at .*run\.pvd"),
        (['timestep="0" part="0" file="0.vtu"', 'timestep="0" part="1" file="1.vtu"'], "got 2 parts"),
        (['timestep="0" file="0.vtu"', 'timestep="1" file="2.vtu"'], "the cells of the first time in .* at time 1"),
        (['timestep="0" file="0.vtu"', 'timestep="1" file="3.vtu"'], r"the fields .* at time 1, .*got \['p'\]"),
    ):
        write_collection(path, entries)
        with pytest.raises(InputError, match=message):
            sg.open_dataset(path)
    path.write_text("<VTKFile")
    with pytest.raises(InputError, match=r"a readable collection at .*run\.pvd"):
        sg.open_dataset(path)


@pytest.mark.parametrize("form", ["XML", "HDF", "Binary"])
def test_a_series_as_meshio_writes_it(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mesh is a grid of its own, which the frames include."""
    monkeypatch.chdir(tmp_path)  # meshio writes the numbers to where it runs
    with meshio.xdmf.TimeSeriesWriter("run.xdmf", data_format=form) as writer:
        writer.write_points_cells(POINTS, CELLS)
        for number, time in enumerate(TIMES):
            file = frame(number)
            writer.write_data(time, point_data=file.point_data, cell_data={"a": file.cell_data["a"]})
    fields = sg.open_dataset(tmp_path / "run.xdmf")
    check_series(fields)
    assert Mesh.from_fields(fields).cell_measures.sum() == 1.5


SERIES = """<Xdmf Version="3.0"><Domain>
<Grid GridType="Collection" CollectionType="Temporal">{times}{frames}</Grid></Domain></Xdmf>"""
RECTANGLE = """<Grid GridType="Uniform"><Topology TopologyType="2DCoRectMesh" Dimensions="3 4"/>
<Geometry GeometryType="ORIGIN_DXDY"><DataItem Dimensions="2" Format="XML">1.0 0.0</DataItem>
<DataItem Dimensions="2" Format="XML">0.5 0.25</DataItem></Geometry>
<Attribute Name="u" Center="Node"><DataItem ItemType="HyperSlab" Dimensions="3 4" Type="HyperSlab">
<DataItem Dimensions="3 3" Format="XML">{frame} 0 0  1 1 1  1 3 4</DataItem>
<DataItem Dimensions="2 3 4" NumberType="Float" Precision="8" Format="HDF">{file}:/u</DataItem></DataItem></Attribute>
<Attribute Name="B" AttributeType="Vector" Center="Node">
<DataItem Dimensions="3 4 2" Precision="4" Format="XML">{vector}</DataItem></Attribute></Grid>"""


def test_an_image_with_cuts_of_one_array(tmp_path: Path) -> None:
    """Origin and step are listed z first, as the axes of the arrays are."""
    values = np.random.default_rng(0).random((2, 3, 4))
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["u"] = values
    vector = " ".join(map(str, range(24)))
    frames = "".join(RECTANGLE.format(frame=number, file="run.h5", vector=vector) for number in range(2))
    times = '<Time TimeType="List"><DataItem Dimensions="2" Format="XML">0.5 2.5</DataItem></Time>'
    (tmp_path / "run.xmf").write_text(SERIES.format(times=times, frames=frames))
    fields = sg.open_dataset(tmp_path / "run.xmf")
    assert fields["time"].values.tolist() == [0.5, 2.5]
    np.testing.assert_array_equal(fields["u"][0], values.transpose(0, 2, 1))
    np.testing.assert_array_equal(fields["B_y"][0, 0], np.arange(1.0, 24, 2).reshape(3, 4).T)
    assert Grid.from_fields(fields) == Grid(shape=(4, 3), extent=((0.0, 0.75), (1.0, 2.0)))


@pytest.mark.parametrize("name", ["../run.h5", "/etc/passwd", "link.h5", "outer.h5"])
def test_numbers_elsewhere_are_not_read(name: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["u"] = np.ones((2, 3, 4))
    (inner / "link.h5").symlink_to(tmp_path / "run.h5")
    with h5py.File(inner / "outer.h5", "w") as file:
        file["u"] = h5py.ExternalLink("../run.h5", "/u")
    frames = RECTANGLE.format(frame=0, file=name, vector="")
    times = '<Time TimeType="List"><DataItem Dimensions="1" Format="XML">0.5</DataItem></Time>'
    (inner / "run.xdmf").write_text(SERIES.format(times=times, frames=frames))
    with pytest.raises(
        InputError, match=r"only files in the folder of '.*run\.xdmf'|got a (link|reference) to another file"
    ):
        sg.open_dataset(inner / "run.xdmf")


def test_what_is_wrong_with_xdmf_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.xdmf"
    vector = " ".join(map(str, range(24)))
    good = RECTANGLE.format(frame=0, file="run.h5", vector=vector)
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["u"] = np.ones((2, 3, 4))
    timed = good.replace("<Topology", '<Time Value="0.5"/><Topology', 1)
    for content, message in (
        ("<Xdmf", "a readable XDMF file at"),
        ("<html></html>", "an XDMF file at .* got <html>"),
        ('<Xdmf Version="3.0"><Domain></Domain></Xdmf>', "grids in .*got none"),
        (SERIES.format(times="", frames=""), "grids in .*got none"),
        (SERIES.format(times="", frames=good), "a time for each grid"),
        (SERIES.format(times="", frames=timed.replace("0.5", "soon", 1)), "times that are numbers in .*got 'soon'"),
        (SERIES.format(times="", frames=timed).replace("Temporal", "Spatial"), "got pieces of a grid"),
        (SERIES.format(times="", frames=timed.replace("CoRect", "S")), "got '2DSMesh'|points XYZ"),
        (SERIES.format(times="", frames=timed.replace('"3 4 2"', '"3 4 9"')), "readable numbers in"),
        (SERIES.format(times="", frames=timed.replace('"2 3 4"', '"9 3 4"')), r"'/?u' of shape \(9, 3, 4\)"),
        (SERIES.format(times="", frames=timed.replace(":/u", ":/v")), "'v' of .*got none"),
        (SERIES.format(times="", frames=timed.replace('Center="Node"', 'Center="Cell"', 1)), "at points or in cells"),
        (SERIES.format(times="", frames=timed.replace("ORIGIN_DXDY", "POLAR")), "axes of a rectangular mesh"),
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            sg.open_dataset(path)


def test_prisms_and_pyramids_fill_what_they_are_cut_from() -> None:
    """Random affine images, and nodes in any of the orders that are the same cell; neighbors fit."""
    dice = np.random.default_rng(0)
    prism = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 1]], dtype=float)
    pyramid = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.3, 0.4, 1]])
    for kind, corners, volume in (("wedge", prism, 1 / 2), ("pyramid", pyramid, 1 / 3)):
        for _ in range(20):
            affine = dice.normal(size=(3, 3))
            numbers = dice.permutation(len(corners))  # which diagonals are taken depends on them
            points = np.empty_like(corners)
            points[numbers] = corners @ affine
            file = cut(meshio.Mesh(points, [(kind, numbers[None])], cell_data={"a": [np.array([7.0])]}))
            mesh = Mesh(points, {"tetrahedron": file.cells[0].data})
            assert mesh.cell_measures.sum() == pytest.approx(volume * abs(np.linalg.det(affine)))
            assert set(file.cell_data["a"][0]) == {7.0}


def test_neighbors_are_cut_alike(tmp_path: Path) -> None:
    """Two prisms make a cube: of its inner facets each belongs to two cells, and the surface has twelve triangles."""
    cube = np.array([[x, y, z] for z in (0.0, 1) for y in (0.0, 1) for x in (0.0, 1)])
    for seed in range(10):
        numbers = np.random.default_rng(seed).permutation(8)
        points = np.empty_like(cube)
        points[numbers] = cube
        prisms = numbers[np.array([[0, 1, 2, 4, 5, 6], [1, 3, 2, 5, 7, 6]])]
        meshio.Mesh(points, [("wedge", prisms)], cell_data={"a": [np.array([1.0, 2.0])]}).write(tmp_path / "cube.vtu")
        fields = sg.open_dataset(tmp_path / "cube.vtu")
        mesh = Mesh.from_fields(fields)
        assert len(mesh.boundary_facets) == 12
        assert (fields["a"][0] * mesh.cell_measures).sum() == pytest.approx(1.5)
        (tmp_path / "cube.vtu").unlink()
