"""Meshes in fields and files: what comes back is what went in, also one by one; others can read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import xugrid
from hypothesis import assume, given
from hypothesis import strategies as st

import surrogate as sg
from surrogate.datasets import InputError, Mesh, describe_many, domain_of, open_dataset, save_dataset, select_samples
from surrogate.datasets.fields import check
from surrogate.datasets.meshes.ugrid import count_variable, node_numbers
from surrogate.datasets.samples.ragged import counts
from surrogate.solvers import Poisson

MIXED = Mesh(
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [2.0, 0.0], [2.0, 1.0]],
    [[1, 4, 2, -1], [0, 1, 2, 3], [4, 5, 2, -1]],
    {"left": [0, 3], "inlet": [[3, 0]], "wall": [[0, 1], [1, 4]], "low": [0, 1, 4]},
    cell_dim=2,
)
TETRAHEDRON = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
CUBE = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)], dtype=float)
MESHES = {
    "mixed": MIXED,
    "segments": Mesh([[0.0], [1.0], [3.0]], {"segment": [[0, 1], [1, 2]]}, {"ends": [[0], [2]]}),
    "surface": Mesh(TETRAHEDRON, {"triangle": [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]}),
    "solids": Mesh(
        [*CUBE, [0.5, 0.5, 2.0]],
        {"hexahedron": [range(8)], "tetrahedron": [[4, 5, 6, 8], [4, 6, 7, 8]]},
        {"floor": [[0, 1, 2, 3]], "roof": [[4, 5, 8], [5, 6, 8]]},
    ),
}


def triangles(n: int) -> Mesh:
    """Return a fan of n triangles around the origin, with its rim, and its spokes from 2 on as points."""
    angles = 0.7 * np.arange(n + 1)
    points = np.vstack([[0.0, 0.0], np.column_stack([np.cos(angles), np.sin(angles)])])
    rim = np.column_stack([np.arange(1, n + 1), np.arange(2, n + 2)])
    cells = np.column_stack([np.zeros(n, dtype=int), rim])
    return Mesh(points, {"triangle": cells}, {"rim": rim, "inner": [0], "far": np.arange(3, n + 2)})


def ragged(sizes: list[int]) -> tuple[list[Mesh], xr.Dataset]:
    meshes = [triangles(n) for n in sizes]
    node = np.concatenate([10 * i + mesh.points[:, 0] for i, mesh in enumerate(meshes)])
    cell = np.concatenate([np.full(mesh.n_cells, float(i)) for i, mesh in enumerate(meshes)])
    variables = {
        "u": ("node", node, {"units": "1", "mesh": "mesh", "location": "node"}),
        "a": ("cell", cell, {"units": "1", "mesh": "mesh", "location": "face"}),
        "load": ("sample", np.arange(len(sizes), dtype=float), {"units": "1"}),
    }
    return meshes, xr.Dataset(variables, coords=describe_many(meshes, "m"))


@pytest.mark.parametrize("name", MESHES)
def test_a_shared_mesh_comes_back_from_a_file(name: str, tmp_path: Path) -> None:
    mesh = MESHES[name]
    u = ("sample", "node"), np.random.default_rng(0).random((3, mesh.n_points)), {"units": "K"}
    fields = xr.Dataset({"u": u}, coords=mesh.coordinates("m"))
    assert Mesh.from_fields(check(fields)) == mesh
    for number in range(2):  # what is read can be written
        save_dataset(fields, tmp_path / f"{number}.h5")
        fields = open_dataset(tmp_path / f"{number}.h5")
        assert Mesh.from_fields(fields) == mesh
        assert domain_of(fields) == mesh
        assert np.array_equal(fields["u"], u[1])
        assert list(fields.data_vars) == ["u"]


def test_meshes_that_differ_come_back_from_a_file(tmp_path: Path) -> None:
    meshes, fields = ragged([3, 1, 5])
    save_dataset(fields, tmp_path / "ragged.h5")
    found = open_dataset(tmp_path / "ragged.h5")
    for i, mesh in enumerate(meshes):
        assert Mesh.from_fields(found, i) == mesh
    union = Mesh.from_fields(found)
    assert union.n_points == sum(mesh.n_points for mesh in meshes)
    assert union.cell_measures.sum() == pytest.approx(sum(mesh.cell_measures.sum() for mesh in meshes))
    assert {dim: count.tolist() for dim, count in counts(found).items()} == {
        "node": [5, 3, 7],
        "cell": [3, 1, 5],
        "facet": [3, 1, 5],
    }
    assert found["node_count"].attrs["sample_dimension"] == "node"


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.data())
def test_selected_samples_are_those_samples(sizes: list[int], data: st.DataObject) -> None:
    meshes, fields = ragged(sizes)
    chosen = data.draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=4))
    part = check(select_samples(fields, chosen))
    for place, number in enumerate(chosen):
        assert Mesh.from_fields(part, place) == meshes[number]
    assert part["load"].values.tolist() == chosen
    assert part["u"].values.tolist() == [x for i in chosen for x in (10 * i + meshes[i].points[:, 0])]


def test_further_point_sets_are_joined_and_selected(tmp_path: Path) -> None:
    meshes, fields = ragged([3, 1, 5])
    boundary = [mesh.tagged_points("rim") for mesh in meshes]
    starts = np.cumsum([0, *(mesh.n_points for mesh in meshes)])
    numbers = np.concatenate([nodes + start for nodes, start in zip(boundary, starts, strict=False)])
    fields = fields.assign(g=("boundary_node", np.arange(len(numbers), dtype=float), {"units": "1"}))
    fields = fields.assign_coords(
        boundary_index=node_numbers(("boundary_node",), numbers, "nodes on the boundary"),
        boundary_node_count=count_variable("boundary_node", [len(nodes) for nodes in boundary]),
    )
    save_dataset(fields, tmp_path / "sets.h5")
    part = select_samples(open_dataset(tmp_path / "sets.h5"), [2, 1])
    assert part["boundary_index"].values.tolist() == [*boundary[2], *(boundary[1] + meshes[2].n_points)]
    assert part["g"].values.tolist() == [*range(6, 12), 4, 5]


@given(sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5), data=st.data())
def test_counts_that_part_the_cells_otherwise_are_refused(sizes: list[int], data: st.DataObject) -> None:
    """Also where they add up."""
    _, fields = ragged(sizes)
    dim = data.draw(st.sampled_from(["node_count", "cell_count"]))
    right = fields[dim].values
    cuts = data.draw(st.lists(st.integers(1, right.sum() - 1), min_size=len(sizes) - 1, max_size=len(sizes) - 1))
    wrong = np.diff(np.sort(cuts), prepend=0, append=right.sum())
    assume(not np.array_equal(wrong, right))
    with pytest.raises(InputError, match=r"positive counts|cells on nodes of their own sample"):
        check(fields.assign_coords({dim: fields[dim].copy(data=wrong)}))


def test_a_geometry_is_never_on_two_sides() -> None:
    sizes = [2, 3, 4, 5, 6, 7] * 3
    _, fields = ragged(sizes)
    names: dict[str, Any] = {"inputs": ["a", "load"], "outputs": ["u"], "split": (12, 3, 3)}
    with pytest.raises(InputError, match=r"each geometry in one part only, got [1-6] of 6 in two\. Pass group=\"geom"):
        sg.prepare(fields, **names)
    data = sg.prepare(fields, **names, group="geometry")
    parts = [set(node["node_count"].values.tolist()) for node in data.children.values()]
    assert [len(part) for part in parts] == [4, 1, 1]
    assert set.union(*parts) == {n + 2 for n in sizes}
    meant = sg.prepare(fields.assign_coords(sample=("sample", np.arange(18), {"units": "1"})), **names, group="sample")
    assert [node.sizes["sample"] for node in meant.children.values()] == [12, 3, 3]


def test_prepared_parts_are_whole_samples() -> None:
    _, fields = ragged([3, 1, 5, 2, 4, 6, 7, 8])
    data = sg.prepare(fields, inputs=["a", "load"], outputs=["u"], split=(5, 1, 2))
    seen = []
    for part in ("train", "validation", "test"):
        dataset = check(data[part])
        for place, number in enumerate(dataset["load"].values.astype(int)):
            assert Mesh.from_fields(dataset, place).n_cells == fields["cell_count"].values[number]
            seen.append(number)
    assert sorted(seen) == list(range(8))
    shuffled = sg.prepare(
        select_samples(fields, np.arange(8)[::-1]), inputs=["a", "load"], outputs=["u"], split=(5, 1, 2)
    )
    assert set(shuffled["test"]["load"].values) == set(data["test"]["load"].values)


def test_files_of_others_count_from_one_and_name_things_otherwise() -> None:
    mesh = triangles(4)
    topology = {
        "cf_role": "mesh_topology",
        "topology_dimension": 2,
        "node_coordinates": "lon lat",
        "face_node_connectivity": "faces",
    }
    others = xr.Dataset(
        {
            "topo": ((), 0, topology),
            "faces": (("f", "three"), mesh.cells + 1, {"cf_role": "face_node_connectivity", "start_index": 1}),
            "lon": ("n", mesh.points[:, 0]),
            "lat": ("n", mesh.points[:, 1]),
        }
    )
    assert Mesh.from_fields(others).key == mesh.key


def test_xugrid_reads_our_files(tmp_path: Path) -> None:
    _, fields = ragged([3, 1, 5])
    for number, (mesh, count) in enumerate(((fields, 9), (xr.Dataset(coords=MIXED.coordinates()), 3))):
        written = mesh.assign(v=("cell", np.arange(float(count)), {"units": "1"}))
        save_dataset(written, tmp_path / f"{number}.nc")
        with xr.open_dataset(tmp_path / f"{number}.nc", engine="h5netcdf") as plain:
            dataset = xugrid.UgridDataset(plain.load().reset_coords())
        grid = dataset.ugrid.grid
        assert grid.n_face == count
        area = Mesh.from_fields(written).cell_measures
        assert grid.area == pytest.approx(area)
        assert np.array_equal(dataset["v"].values, np.arange(count))


def test_steady_operators_predict_on_a_shared_mesh() -> None:
    mesh = triangles(5)
    solver = Poisson(mesh, dirichlet=["rim"])
    rng = np.random.default_rng(0)
    names = ("source", "boundary_value", "flux")
    variables: dict[str, Any] = {
        name: (("sample", "node"), rng.random((2, mesh.n_points)), {"units": "1"}) for name in names
    }
    variables["conductivity"] = (("sample", "cell"), 1 + rng.random((2, mesh.n_cells)), {"units": "1"})
    found = sg.predict(solver, xr.Dataset(variables, coords=mesh.coordinates()))
    for i in range(2):
        f, g, q, a = (variables[name][1][i] for name in (*names, "conductivity"))
        assert found["u"].values[i] == pytest.approx(solver.solve(solver.load(f, q), g, a))
    assert Mesh.from_fields(found) == mesh
    other = xr.Dataset(variables, coords=Mesh(2 * mesh.points, mesh.cells, cell_dim=2).coordinates())
    with pytest.raises(InputError, match="the mesh of the solver"):
        sg.predict(solver, other)
    grid = sg.Grid((4,))
    on_grid = {name: (("sample", "x"), np.ones((1, 4)), {"units": "1"}) for name in variables}
    with pytest.raises(InputError, match="fields on a Mesh, got a Grid"):
        sg.predict(solver, xr.Dataset(on_grid, coords=grid.coordinates()))


BROKEN: dict[str, tuple[Callable[[xr.Dataset], Any], str]] = {
    "counts": (lambda f: f.assign_coords(node_count=f["node_count"] + 1), "'node_count' that adds up to 15, got 18"),
    "empty sample": (
        lambda f: f.assign_coords(node_count=f["node_count"].copy(data=[5, 0, 10])),
        "positive counts in 'node_count', got 0 in sample 1",
    ),
    "owner": (
        lambda f: f.assign_coords(cell_count=f["cell_count"].copy(data=[2, 2, 5])),
        "cells on nodes of their own sample, got 1 cells with nodes of others, the first in sample 1",
    ),
    "orphan": (
        lambda f: f.assign_coords(cell_nodes=f["cell_nodes"].where(f["cell_nodes"] != 4, 2)),
        "every point in a cell, got 1 orphan points, the first number 4",
    ),
    "inverted": (lambda f: f.assign_coords(x=-f["x"]), "triangle cells of positive volume, got 9 inverted"),
    "degenerate": (lambda f: f.assign_coords(x=f["x"] * 0), "triangle cells with a volume, got 9 degenerate"),
    "fractions": (lambda f: f.assign_coords(cell_count=f["cell_count"] * 1.0), "whole numbers over 'sample'"),
    "isel": (lambda f: f.isel(sample=[0]), "adds up to 15, got 5. .*select_samples"),
    "counted": (
        lambda f: f.assign_coords(cell_count=f["cell_count"].assign_attrs(sample_dimension="cells")),
        "a dimension 'cells', which 'cell_count' counts",
    ),
    "both": (lambda f: f.assign(v=f["u"].expand_dims(sample=3)), "'v' without dimension 'sample', as 'node' joins"),
    "no position": (lambda f: f.drop_vars(["x", "y"]), r"coordinates x \(and y, z\) over 'node', got none"),
    "no cells": (lambda f: f.drop_vars("cell_nodes"), "the variable 'cell_nodes' that the mesh topology names"),
    "connectivity": (lambda f: f.assign_coords(cell_nodes=f["cell_nodes"] + 9), "nodes from 0 to 14, got"),
    "NaN": (lambda f: f.assign_coords(x=f["x"] * np.nan), "finite coordinates, got 15 points"),
    "two": (lambda f: f.assign_coords(other=f["mesh"]), "one mesh in the fields, got 2"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_fields_are_refused(name: str) -> None:
    change, message = BROKEN[name]
    _, fields = ragged([3, 1, 5])
    with pytest.raises(InputError, match=message):
        check(change(fields))


def test_wrong_arguments_are_refused() -> None:
    _, fields = ragged([3, 1, 5])
    with pytest.raises(InputError, match="a sample from 0 to 2, got 3"):
        Mesh.from_fields(fields, 3)
    with pytest.raises(InputError, match="fields on a mesh"):
        Mesh.from_fields(xr.Dataset())
    with pytest.raises(InputError, match="fields on a grid"):
        domain_of(xr.Dataset({"v": ("edge", [1.0])}))
    with pytest.raises(InputError, match="meshes of one dimension"):
        describe_many([MIXED, MESHES["surface"]])
    with pytest.raises(InputError, match="a tag 'rim' of points or of facets, got both"):
        describe_many([triangles(2), Mesh(MIXED.points, MIXED.cells, {"rim": [0]}, cell_dim=2)])
    with pytest.raises(InputError, match="a tag of letters, digits"):
        Mesh(MIXED.points, MIXED.cells, {"a wall": [0]}, cell_dim=2).coordinates()
