"""Meshes: what they measure is exact, what is wrong with them is named."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Batch

from surrogate.datasets import InputError, Mesh
from surrogate.datasets.meshes.cells import KINDS
from surrogate.datasets.meshes.graphs import from_graph, to_graph

SQUARE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
TRIANGLES = {"triangle": [[0, 1, 2], [0, 2, 3]]}


def box(dim: int, kind: str, n: int = 3, seed: int | None = 0) -> Mesh:
    """Return the unit box in n^dim squares or cubes, cut if ``kind`` says so; inner points moved by up to a fifth."""
    axes = np.meshgrid(*[np.linspace(0, 1, n + 1)] * dim, indexing="ij")
    points = np.stack(axes, axis=-1).reshape(-1, dim)
    corners = [(0,), (1,)] if dim == 1 else [(0, 0), (1, 0), (1, 1), (0, 1)]
    if dim == 3:
        corners = [(*c, z) for z in (0, 1) for c in corners]
    origins = np.array(list(itertools.product(range(n), repeat=dim)))
    strides = (n + 1) ** np.arange(dim)[::-1]
    cubes = np.stack([(origins + corner) @ strides for corner in np.array(corners)], axis=1)
    if seed is not None:
        inner = ((points > 0) & (points < 1)).all(axis=1)
        points[inner] += np.random.default_rng(seed).uniform(-0.2 / n, 0.2 / n, (inner.sum(), dim))
    whole = {1: "segment", 2: "quad", 3: "hexahedron"}[dim]
    cut = cubes if kind == whole else cubes[:, np.array(KINDS[whole].simplices)].reshape(-1, dim + 1)
    return Mesh(points, {kind: cut})


BOXES = [(1, "segment"), (2, "triangle"), (2, "quad"), (3, "tetrahedron"), (3, "hexahedron")]


@pytest.mark.parametrize(("dim", "kind"), BOXES)
def test_weights_integrate_linear_functions_over_affine_images(dim: int, kind: str) -> None:
    """Hexahedra between moved points have curved faces, but those of the box stay flat: the volume is known."""
    mesh = box(dim, kind)
    rng = np.random.default_rng(1)
    matrix = np.eye(dim) + 0.3 * rng.standard_normal((dim, dim))
    matrix *= np.sign(np.linalg.det(matrix)) if dim % 2 else 1.0
    points = mesh.points @ matrix.T
    moved = Mesh(points, mesh.cells, cell_dim=dim, orient=True)
    volume = abs(np.linalg.det(matrix))
    slope = rng.standard_normal(dim)
    integral = volume * (2 + slope @ matrix @ np.full(dim, 0.5))
    assert moved.quadrature_weights.sum() == pytest.approx(volume, rel=1e-12)
    assert moved.cell_measures.sum() == pytest.approx(volume, rel=1e-12)
    assert moved.quadrature_weights @ (2 + points @ slope) == pytest.approx(integral, rel=1e-12)


@pytest.mark.parametrize(("dim", "kind"), BOXES)
def test_boundary_facets_close_the_box_and_look_outward(dim: int, kind: str) -> None:
    mesh = box(dim, kind)
    on_box = ((mesh.points == 0) | (mesh.points == 1)).any(axis=1)
    assert np.array_equal(mesh.boundary_points, np.flatnonzero(on_box))
    if dim == 1:
        return
    corners = mesh.points[mesh.boundary_facets]
    if dim == 2:
        side = corners[:, 1] - corners[:, 0]
        normals = np.stack([side[:, 1], -side[:, 0]], axis=1)
    else:  # of a flat face, from its diagonals or sides
        first, second = (2, 3) if kind == "hexahedron" else (1, 2)
        a, b = corners[:, first] - corners[:, 0], corners[:, second] - corners[:, 1 if kind == "hexahedron" else 0]
        normals = np.cross(a, b) / 2
    assert normals.sum(axis=0) == pytest.approx(np.zeros(dim), abs=1e-12)
    flux = (normals * corners.mean(axis=1)).sum()  # of x through the boundary: dim times the volume
    assert flux == pytest.approx(dim, rel=1e-12)


@pytest.mark.parametrize(("dim", "kind"), BOXES)
def test_euler_characteristic(dim: int, kind: str) -> None:
    mesh = box(dim, kind)
    boundary = len(mesh.boundary_facets)
    facets = {1: mesh.n_points, 2: len(mesh.edges)}.get(dim)
    if facets is None:  # inner faces belong to two cells
        facets = (mesh.n_cells * len(KINDS[kind].facets) + boundary) // 2
    terms = {1: (mesh.n_points, mesh.n_cells), 2: (mesh.n_points, facets, mesh.n_cells)}
    counts = terms.get(dim, (mesh.n_points, len(mesh.edges), facets, mesh.n_cells))
    assert sum((-1) ** i * count for i, count in enumerate(counts)) == 1


def test_mixed_cells_keep_their_order() -> None:
    points = [*SQUARE, [2.0, 0.0], [3.0, 1.0], [2.0, 1.0]]
    padded = np.array([[1, 4, 2, -1], [0, 1, 2, 3], [4, 6, 2, -1], [4, 5, 6, -1]])
    mesh = Mesh(points, padded, cell_dim=2)
    assert mesh.cell_measures == pytest.approx([0.5, 1.0, 0.5, 0.5])
    assert [block.kind.name for block in mesh.blocks] == ["triangle", "quad"]
    assert mesh.quadrature_weights @ mesh.points[:, 0] == pytest.approx(0.5 + 1.5 + (2 + 2 + 3) / 6)
    by_kind = Mesh(points, {"triangle": padded[[0, 2, 3], :3], "quad": padded[[1]]})
    assert by_kind.cell_measures == pytest.approx([0.5, 0.5, 0.5, 1.0])


def test_surfaces_in_space_have_areas() -> None:
    tetrahedron = np.vstack([np.zeros(3), np.eye(3)])
    surface = Mesh(tetrahedron, {"triangle": [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]})
    assert surface.cell_measures == pytest.approx([0.5, 0.5, 0.5, np.sqrt(3) / 2])
    assert len(surface.boundary_facets) == 0


def test_tags_name_points_and_facets() -> None:
    mesh = Mesh(SQUARE, TRIANGLES, {"left": [0, 3], "bottom": [[1, 0]], "nothing": []})
    assert mesh.tagged_facets("left").tolist() == [[3, 0]]
    assert mesh.tagged_points("bottom").tolist() == [0, 1]
    assert len(mesh.tagged_points("nothing")) == 0
    with pytest.raises(InputError, match="a tag out of left, bottom, nothing, got 'top'"):
        mesh.tagged_points("top")


def test_a_mesh_is_known_by_its_content() -> None:
    mesh, same = Mesh(SQUARE, TRIANGLES, {"a": [0]}), Mesh(np.array(SQUARE), TRIANGLES, {"a": [0]})
    other = Mesh(np.array(SQUARE) * 2, TRIANGLES)
    tagged = Mesh(SQUARE, TRIANGLES, {"a": [1]})
    assert mesh == same
    assert hash(mesh) == hash(same)
    assert mesh != other
    assert mesh != tagged
    assert mesh.key == tagged.key  # of the geometry
    assert mesh != "mesh"
    with pytest.raises(ValueError, match="read-only"):
        mesh.points[0] = 1.0


def test_inverted_cells_are_turned_on_request_only() -> None:
    clockwise = {"triangle": [[0, 2, 1], [0, 2, 3]]}
    with pytest.raises(InputError, match=r"positive volume, got 1 inverted cells, the first number 0\. .*orient=True"):
        Mesh(SQUARE, clockwise)
    mesh = Mesh(SQUARE, clockwise, orient=True)
    assert mesh.cell_measures == pytest.approx([0.5, 0.5])


@given(st.integers(0, 2**32 - 1), st.sampled_from(BOXES))
def test_turning_inverted_cells_restores_the_mesh(seed: int, member: tuple[int, str]) -> None:
    mesh = box(*member, n=2)
    flipped = np.random.default_rng(seed).random(mesh.n_cells) < 0.5
    cells = mesh.cells.copy()
    cells[flipped] = cells[flipped][:, KINDS[member[1]].mirrored]
    turned = Mesh(mesh.points, cells, cell_dim=mesh.cell_dim, orient=True)
    assert np.array_equal(np.sort(turned.cells, axis=1), np.sort(mesh.cells, axis=1))
    assert turned.quadrature_weights == pytest.approx(mesh.quadrature_weights)


@pytest.mark.parametrize(
    ("points", "cells", "message"),
    [
        ([], TRIANGLES, "a mesh with points, got none"),
        (SQUARE, {}, "a mesh with cells, got none"),
        (SQUARE, {"triangle": []}, "a mesh with cells, got none"),
        ([[0.0, 0.0]], {"triangle": [[0, 0, 0]]}, "at least 2 points, got 1"),
        ([0.0, 1.0], {"segment": [[0, 1]]}, r"points \(N, d\) in one to three dimensions, got shape \(2,\)"),
        ([[0.0] * 4] * 4, TRIANGLES, "one to three dimensions"),
        ([*SQUARE[:3], [np.nan, 1.0]], TRIANGLES, "finite coordinates, got 1 points that are not, the first number 3"),
        ([[0.0], [1.0], [2.0], [3.0]], TRIANGLES, "points in at least 2 dimensions for such cells, got 1"),
        (SQUARE, {"tetrahedron": [[0, 1, 2, 3]]}, "points in at least 3 dimensions"),
        (
            SQUARE,
            {"triangle": [[0, 1, 2], [0, 2, 4]]},
            "nodes from 0 to 3, got 1 cells with others, the first number 1",
        ),
        (SQUARE, {"triangle": [[0, 1, 2], [0, 2, -2]]}, "that cells of dimension 2 have, got 1 other cells"),
        (SQUARE, {"triangle": [[0, 1, 2]]}, "every point in a cell, got 1 orphan points, the first number 3"),
        (SQUARE, {"triangle": [[0, 1, 2], [0, 2, 3], [0, 0, 3]]}, "with a volume, got 1 degenerate cells, .* 2"),
        (SQUARE, {"quad": [[0, 1, 3, 2]]}, "convex quad cells, got 1 twisted cells"),
        (SQUARE, {"triangle": [[0, 1, 2, 3]]}, r"3 nodes for each triangle, got shape \(1, 4\)"),
        (SQUARE, {"pentagon": [[0, 1, 2, 3, 0]]}, "cells of kind segment, triangle, .*, got 'pentagon'"),
        (SQUARE, {"triangle": [[0.0, 1.0, 2.0]]}, "whole node numbers"),
        (SQUARE, {**TRIANGLES, "segment": [[0, 1]]}, "cells of one dimension"),
        (SQUARE, [[0, 1, 2, 3]], "an array of cells needs cell_dim"),
    ],
)
def test_bad_meshes_are_refused(points: Any, cells: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Mesh(points, cells)


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ([4], "points from 0 to 3 in tag 'wall', got 1 others, the first 4"),
        ([[1, 3]], "facets of the mesh in tag 'wall', got 1 that are none, the first number 0"),
        ([0.5], r"point numbers \(n,\) or facets \(n, k\) in tag 'wall'"),
    ],
)
def test_bad_tags_are_refused(tag: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Mesh(SQUARE, TRIANGLES, {"wall": tag})


@pytest.mark.parametrize(("dim", "kind"), BOXES)
def test_graphs_lead_back_to_meshes(dim: int, kind: str) -> None:
    mesh = box(dim, kind, seed=None)
    mesh = Mesh(mesh.points, mesh.cells, {"low": [0, 1], "rim": mesh.boundary_facets}, cell_dim=dim)
    values = torch.rand(mesh.n_points, 2)
    graph = to_graph(mesh, values, dtype=torch.float64)
    assert from_graph(graph) == mesh
    assert torch.equal(graph.x, values)
    source, target = graph.edge_index
    assert torch.allclose(graph.edge_attr[:, :-1], graph.pos[source] - graph.pos[target])
    assert torch.allclose(graph.edge_attr[:, -1], graph.edge_attr[:, :-1].norm(dim=1))
    assert graph.num_edges == 2 * len(mesh.edges)


def test_a_batch_of_graphs_is_the_union_of_its_meshes() -> None:
    first = Mesh(SQUARE, TRIANGLES, {"left": [[3, 0]]})
    second = Mesh([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], {"triangle": [[0, 1, 2]]}, {"left": [[2, 0]]})
    union = from_graph(Batch.from_data_list([to_graph(first), to_graph(second)]))
    assert union.cells.tolist() == [[0, 1, 2], [0, 2, 3], [4, 5, 6]]
    assert union.tags["left"].tolist() == [[3, 0], [6, 4]]


def test_graphs_that_are_no_meshes_are_refused() -> None:
    graph = to_graph(Mesh(SQUARE, TRIANGLES))
    del graph.triangle_index
    with pytest.raises(InputError, match="a graph with cells"):
        from_graph(graph)
    graph.pos = None
    with pytest.raises(InputError, match="a graph with positions"):
        from_graph(graph)
    with pytest.raises(InputError, match=r"values \(4, C\), got \(3, 1\)"):
        to_graph(Mesh(SQUARE, TRIANGLES), torch.zeros(3, 1))
