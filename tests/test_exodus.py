"""Exodus II: files written by its specification, which VTK reads as we do."""

from __future__ import annotations

from pathlib import Path

import h5netcdf
import meshio
import numpy as np
import pytest
import scipy.io
import xarray as xr

import surrogate as sg
from surrogate.datasets import InputError, Mesh

POINTS = np.array([[x, y, z] for z in (0.0, 1.0) for y in (0.0, 1.0) for x in (0.0, 1.0, 2.0)])
#: Two cubes; the second is cut into five tetrahedra that meet the first along other edges, which is all one for values.
HEXAHEDRA = np.array([[0, 1, 4, 3, 6, 7, 10, 9]])
TETRAHEDRA = np.array([[1, 2, 4, 7], [2, 5, 4, 11], [2, 7, 8, 11], [4, 7, 11, 10], [2, 4, 7, 11]])
TIMES = np.array([0.0, 0.25, 1.0])


def characters(*words: str) -> np.ndarray:
    return np.array([list(word.ljust(33, "\0")) for word in words], dtype="S1")


def write(path: Path, engine: str, **changes: xr.Variable | None) -> None:
    """Write two blocks with nodal, elemental and global variables, a set of nodes and one of sides."""
    variables = {
        "time_whole": (("time_step",), TIMES),
        **{f"coord{axis}": (("num_nodes",), POINTS[:, i]) for i, axis in enumerate("xyz")},
        "coor_names": (("num_dim", "len_name"), characters("x", "y", "z")),
        "eb_prop1": (("num_el_blk",), np.array([10, 20], "i4"), {"name": "ID"}),
        "eb_status": (("num_el_blk",), np.array([1, 1], "i4")),
        "connect1": (("num_el_in_blk1", "num_nod_per_el1"), HEXAHEDRA.astype("i4") + 1, {"elem_type": "HEX8"}),
        "connect2": (("num_el_in_blk2", "num_nod_per_el2"), TETRAHEDRA.astype("i4") + 1, {"elem_type": "TETRA"}),
        "ns_prop1": (("num_node_sets",), np.array([1], "i4"), {"name": "ID"}),
        "ns_status": (("num_node_sets",), np.array([1], "i4")),
        "ns_names": (("num_node_sets", "len_name"), characters("corner")),
        "node_ns1": (("num_nod_ns1",), np.array([1, 12], "i4")),
        "ss_prop1": (("num_side_sets",), np.array([7], "i4"), {"name": "ID"}),
        "ss_status": (("num_side_sets",), np.array([1], "i4")),
        "ss_names": (("num_side_sets", "len_name"), characters("wall")),
        "elem_ss1": (("num_side_ss1",), np.array([1, 1, 3], "i4")),
        "side_ss1": (("num_side_ss1",), np.array([4, 6, 1], "i4")),  # x = 0, the lid of the cube, x = 2
        "name_nod_var": (("num_nod_var", "len_name"), characters("T", "disp_x")),
        "vals_nod_var1": (("time_step", "num_nodes"), np.arange(36.0).reshape(3, 12)),
        "vals_nod_var2": (("time_step", "num_nodes"), -np.arange(36.0).reshape(3, 12)),
        "name_elem_var": (("num_elem_var", "len_name"), characters("stress")),
        "elem_var_tab": (("num_el_blk", "num_elem_var"), np.ones((2, 1), "i4")),
        "vals_elem_var1eb1": (("time_step", "num_el_in_blk1"), np.arange(3.0).reshape(3, 1)),
        "vals_elem_var1eb2": (("time_step", "num_el_in_blk2"), np.arange(15.0).reshape(3, 5)),
        "name_glo_var": (("num_glo_var", "len_name"), characters("energy")),
        "vals_glo_var": (("time_step", "num_glo_var"), TIMES[:, None] ** 2),
    }
    kept = {name: xr.Variable(*v) if isinstance(v, tuple) else v for name, v in (variables | changes).items()}
    kept = {name: variable for name, variable in kept.items() if variable is not None}
    sizes = {dim: size for v in kept.values() for dim, size in v.sizes.items()}
    sizes |= {"len_string": 33, "len_line": 81, "num_elem": 6, "num_dim": 3, "time_step": None}
    attrs = {"api_version": np.float32(5), "version": np.float32(5), "floating_point_word_size": np.int32(8)}
    attrs |= {"file_size": np.int32(1), "title": "two cubes"}
    if engine == "scipy":
        with scipy.io.netcdf_file(path, "w", version=2) as file:
            for dim, size in sizes.items():
                file.createDimension(dim, size)
            for name, v in kept.items():
                created = file.createVariable(name, v.dtype, v.dims)
                created[:] = v.values
                for key, value in v.attrs.items():
                    setattr(created, key, value)
            for key, value in attrs.items():
                setattr(file, key, value)
        return
    with h5netcdf.File(path, "w") as file:
        file.dimensions = sizes
        file.resize_dimension("time_step", len(TIMES))
        for name, v in kept.items():
            file.create_variable(name, v.dims, v.dtype, v.values).attrs.update(v.attrs)
        file.attrs.update(attrs)


@pytest.mark.parametrize("engine", ["scipy", "h5netcdf"])
def test_all_times_blocks_and_sets_are_read(engine: str, tmp_path: Path) -> None:
    write(tmp_path / "cubes.e", engine)
    fields = sg.open_dataset(tmp_path / "cubes.e", names={"T": "temperature"})
    np.testing.assert_array_equal(fields["time"], TIMES)
    np.testing.assert_array_equal(fields["temperature"][0], np.arange(36.0).reshape(3, 12))
    np.testing.assert_array_equal(fields["disp_x"][0, 1], -np.arange(12.0, 24.0))
    np.testing.assert_array_equal(fields["stress"][0, 2], [2, *range(10, 15)])
    np.testing.assert_array_equal(fields["energy"][0], TIMES**2)
    mesh = Mesh.from_fields(fields)
    assert mesh.cell_measures == pytest.approx([1, *(1 / 6,) * 4, 1 / 3])
    assert mesh.tagged_points("corner").tolist() == [0, 11]
    assert mesh.tagged_points("wall").tolist() == [0, 2, 3, 5, 6, 7, 9, 10, 11]
    middles = [mesh.points[facet[facet >= 0]].mean(axis=0).round(9).tolist() for facet in mesh.tags["wall"]]
    assert sorted(middles) == [[0.0, 0.5, 0.5], [0.5, 0.5, 1.0], [2.0, 0.666666667, 0.333333333]]


def test_vtk_reads_the_same(tmp_path: Path) -> None:
    pyvista = pytest.importorskip("pyvista")
    write(tmp_path / "cubes.e", "scipy")
    reader = pyvista.get_reader(tmp_path / "cubes.e")
    reader.set_active_time_value(0.25)
    reader.side_sets.enable_all()
    found = reader.read()
    blocks = found["Element Blocks"]
    ours = sg.open_dataset(tmp_path / "cubes.e")
    for block, places in zip(blocks, ([0], range(1, 6)), strict=True):
        np.testing.assert_array_equal(block.cell_data["stress"], ours["stress"][0, 1, list(places)])
        numbers = [np.flatnonzero((point == POINTS).all(axis=1)).item() for point in block.points]
        np.testing.assert_array_equal(block.point_data["T"], ours["T"][0, 1, numbers])
    mesh = Mesh.from_fields(ours)
    theirs = found["Side Sets"][0].cell_centers().points.round(6)
    facets = [mesh.points[facet[facet >= 0]].mean(axis=0).round(6) for facet in mesh.tags["wall"]]
    np.testing.assert_allclose(np.sort(theirs, axis=0), np.sort(facets, axis=0), rtol=1e-6)


def test_meshio_and_we_agree(tmp_path: Path) -> None:
    cells = [("quad", np.array([[0, 1, 2, 3]])), ("triangle", np.array([[1, 4, 2]]))]
    points = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0]])
    sets = {"inlet": np.array([0, 3])}
    for number in range(2):
        data = {"T": np.arange(5.0) + number}
        meshio.Mesh(points, cells, point_data=data, point_sets=sets).write(tmp_path / f"{number}.exo")
    fields = sg.open_dataset(tmp_path / "*.exo")
    np.testing.assert_array_equal(fields["T"][:, 0], [np.arange(5.0), np.arange(1.0, 6.0)])
    mesh = Mesh.from_fields(fields)
    assert mesh.points.shape == (5, 2)
    assert mesh.tagged_points("inlet").tolist() == [0, 3]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    write(tmp_path / "part.e", "h5netcdf", vals_elem_var1eb2=None)
    with pytest.raises(
        InputError, match=r"values of 'stress' in all blocks of .*part\.e', got none at 'vals_elem_var1eb2'"
    ):
        sg.open_dataset(tmp_path / "part.e")
    connectivity = xr.Variable(("n", "m"), np.arange(10, dtype="i4")[None] + 1, {"elem_type": "TETRA10"})
    write(tmp_path / "curved.e", "scipy", connect2=connectivity)
    with pytest.raises(InputError, match=r"cells out of .*curved\.e', got TETRA10 with 10 nodes"):
        sg.open_dataset(tmp_path / "curved.e")
    (tmp_path / "none.e").write_bytes(b"CDF\x01" + b"\xff" * 50)
    with pytest.raises(InputError, match=r"netCDF-3 header in .*none\.e"):
        sg.open_dataset(tmp_path / "none.e")
    whole = (tmp_path / "part.e").read_bytes()
    (tmp_path / "cut.e").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.e"):
        sg.open_dataset(tmp_path / "cut.e")
