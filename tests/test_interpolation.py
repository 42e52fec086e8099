"""Maps between meshes, grids and points: exact for linear functions, of second order, adjoint and conservative."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay

from surrogate.datasets import Grid, InputError, Mesh
from surrogate.datasets.meshes.point_location import locate
from surrogate.datasets.transfer.interpolation_maps import conservative, interpolation, nearest
from surrogate.solvers.geometry import Polygon, RandomPolygons, triangulate


def scattered(n: int, dim: int = 2, seed: int = 0) -> Mesh:
    """Return the Delaunay mesh of the corners of the unit box and random points on a jittered lattice."""
    axes = [np.linspace(0, 1, n + 1)] * dim
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)
    inner = (points > 0) & (points < 1)
    points += np.where(inner, np.random.default_rng(seed).uniform(-0.3, 0.3, points.shape) / n, 0.0)
    cells = Delaunay(points).simplices
    corners = points[cells]
    volume = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))
    kind = {2: "triangle", 3: "tetrahedron"}[dim]
    return Mesh(points, {kind: cells[volume > 1e-6 / n**dim]}, orient=True)


def hexahedra(n: int) -> Mesh:
    points = np.stack(np.meshgrid(*[np.linspace(0, 1, n + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    corners = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)])
    origin = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    return Mesh(
        points @ [[1, 0.2, 0], [0, 1, 0.1], [0, 0, 1]], {"hexahedron": (origin + corners) @ [(n + 1) ** 2, n + 1, 1]}
    )


SOURCES: dict[str, Callable[[], Mesh | Grid]] = {
    "triangles": lambda: scattered(6),
    "tetrahedra": lambda: scattered(4, dim=3),
    "hexahedra": lambda: hexahedra(3),
    "segments": lambda: Mesh([[0.0], [0.3], [1.0]], {"segment": [[0, 1], [1, 2]]}),
    "stretched grid": lambda: Grid((5, 7), extent=((0.0, 1.0), (-1.0, 2.0)), stretching=("chebyshev", ("tanh", 1.5))),
    "grid of nodes": lambda: Grid((5, 7), extent=((0.0, 1.0), (-1.0, 2.0))),
}


def inside(source: Mesh | Grid, count: int = 200) -> np.ndarray:
    """Return random points: convex combinations of the nodes of random cells, or of the corners of the box."""
    rng = np.random.default_rng(1)
    if isinstance(source, Grid):
        low, high = np.array(source.extent).T
        return rng.uniform(low, high, (count, source.dim))
    cells = source.cells[rng.integers(0, source.n_cells, count)]
    weights = rng.dirichlet(np.ones(cells.shape[1]), count)
    return np.einsum("qk,qkd->qd", weights, source.points[cells])


def points_of(place: Mesh | Grid) -> np.ndarray:
    if isinstance(place, Mesh):
        return place.points
    return np.stack(np.meshgrid(*place.axes, indexing="ij"), axis=-1).reshape(-1, place.dim)


@pytest.mark.parametrize("name", SOURCES)
def test_linear_functions_are_reproduced_and_rows_sum_to_one(name: str) -> None:
    source = SOURCES[name]()
    queries = inside(source)
    linear = interpolation(source, queries, dtype=torch.float64)
    slope = np.random.default_rng(0).standard_normal(queries.shape[1])
    found = linear(torch.from_numpy(2 + points_of(source) @ slope))
    assert found.numpy() == pytest.approx(2 + queries @ slope, abs=1e-12)
    assert linear.matrix.sum(axis=1) == pytest.approx(np.ones(len(queries)), abs=1e-12)
    assert linear.matrix.data.min() >= -1e-9


def test_it_equals_scipy_on_a_delaunay_mesh() -> None:
    mesh = scattered(10)
    values = np.random.default_rng(0).standard_normal(mesh.n_points)
    queries = inside(mesh)
    expected = LinearNDInterpolator(Delaunay(mesh.points), values)(queries)
    found = interpolation(mesh, queries, dtype=torch.float64)(torch.from_numpy(values))
    assert found.numpy() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("to", ["mesh to mesh", "mesh to grid", "grid to mesh", "periodic"])
def test_second_order_for_smooth_functions(to: str) -> None:
    def smooth(points: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * points[:, 0]) * np.cos(2 * np.pi * points[:, 1])

    fixed = scattered(23, seed=7)
    errors = []
    for n in (16, 32, 64):
        source: Mesh | Grid = scattered(n)
        if to in ("grid to mesh", "periodic"):
            source = Grid((n, n), periodic=to == "periodic", location="node")
        target: Mesh | Grid = Grid((33, 37)) if to == "mesh to grid" else fixed
        found = interpolation(source, target, dtype=torch.float64)(torch.from_numpy(smooth(points_of(source))))
        difference = found.numpy() - smooth(points_of(target))
        errors.append(float(np.sqrt((difference**2).mean())))
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert orders[-1] == pytest.approx(2, abs=0.15), errors  # the points lie elsewhere in the cells each time


def test_points_are_found_in_strongly_graded_meshes() -> None:
    """Sizes from 1e-4 to 1/4: points in the large cells have many small ones nearer."""
    x = np.concatenate([[0.0], np.geomspace(1e-4, 1, 25)])
    points = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    first = (np.arange(25)[:, None] * 26 + np.arange(25)).ravel()
    mesh = Mesh(points, {"quad": np.stack([first, first + 26, first + 27, first + 1], axis=1)})
    queries = np.random.default_rng(0).random((2000, 2)) ** 3
    located = locate(mesh, queries)
    assert located.distance.max() == 0
    assert np.einsum("qk,qkd->qd", located.weights, mesh.points[located.nodes]) == pytest.approx(queries, abs=1e-12)


def test_outside_points_follow_the_policy() -> None:
    mesh = scattered(4)
    queries = np.array([[0.5, 0.5], [1.5, 0.5], [-3.0, -4.0]])
    with pytest.raises(InputError, match=r"inside of the source, got 2 of 3 outside, by up to 5\. Pass outside="):
        interpolation(mesh, queries)
    values = torch.from_numpy(mesh.points @ [1.0, 2.0])
    near = interpolation(mesh, queries, outside="nearest", dtype=torch.float64)(values)
    assert near.tolist() == pytest.approx([1.5, 2.0, 0.0])
    holes = interpolation(mesh, queries, outside="nan", dtype=torch.float64)(values)
    assert holes.isnan().tolist() == [False, True, True]
    assert holes[0] == near[0]


@pytest.mark.parametrize("name", ["triangles", "tetrahedra", "hexahedra"])
def test_outside_points_go_to_the_nearest_point_of_the_boundary(name: str) -> None:
    """Compared with the nearest of many points on the boundary."""
    mesh = SOURCES[name]()
    assert isinstance(mesh, Mesh)
    queries = np.random.default_rng(0).uniform(-0.5, 1.5, (300, mesh.dim))
    located = locate(mesh, queries)
    outside = located.distance > 0
    feet = np.einsum("qk,qkd->qd", located.weights, mesh.points[located.nodes])
    assert np.linalg.norm(feet - queries, axis=1) == pytest.approx(located.distance, abs=1e-9)
    corners = mesh.points[mesh.boundary_facets]
    weights = np.random.default_rng(1).dirichlet(np.ones(corners.shape[1]), 400)
    samples = np.einsum("wk,fkd->wfd", weights, corners).reshape(-1, mesh.dim)
    nearest_sample = np.array([np.linalg.norm(samples - q, axis=1).min() for q in queries[outside]])
    assert (located.distance[outside] <= nearest_sample + 1e-9).all()
    assert (nearest_sample - located.distance[outside]).max() < 0.1


def test_curved_boundaries_keep_the_second_order() -> None:
    """Between two meshes of a disc points are outside by the height of an arc, which is of second order."""
    errors = []
    for n in (40, 80, 160):
        meshes = []
        for shift in (0.0, 0.37):
            angles = 2 * np.pi * (np.arange(n) + shift) / n
            meshes.append(triangulate(Polygon(np.column_stack([np.cos(angles), np.sin(angles)])), 2 * np.pi / n)[0])
        source, target = meshes
        values = torch.from_numpy(np.cos(source.points @ [1.0, 2.0]))
        found = interpolation(source, target, outside="nearest", dtype=torch.float64)(values).numpy()
        errors.append(np.abs(found - np.cos(target.points @ [1.0, 2.0])).max())
    assert math.log2(errors[0] / errors[2]) / 2 == pytest.approx(2, abs=0.3), errors  # the largest of few points


@functools.cache
def fine_and_coarse(index: int) -> tuple[Mesh, Mesh]:
    polygon = RandomPolygons().sample(seed=0, index=index)
    return triangulate(polygon, 0.08)[0], triangulate(polygon, 0.25)[0]


@given(st.integers(0, 1000))
def test_conservative_maps_keep_the_integral(seed: int) -> None:
    fine, coarse = fine_and_coarse(seed % 3)
    values = np.random.default_rng(seed).standard_normal(fine.n_points)
    found = conservative(fine, coarse, outside="nearest", dtype=torch.float64)(torch.from_numpy(values)).numpy()
    assert coarse.quadrature_weights @ found == pytest.approx(fine.quadrature_weights @ values, abs=1e-12)


def test_conservative_maps_to_finer_targets_are_refused() -> None:
    with pytest.raises(InputError, match=r"a target coarser than the source, got [0-9]+ of its points"):
        conservative(scattered(3), scattered(30))


def test_the_adjoint_is_the_transposed_map_and_the_gradient() -> None:
    mesh, queries = scattered(5), inside(scattered(5), 50)
    linear = interpolation(mesh, queries, dtype=torch.float64)
    generator = torch.manual_seed(0)
    u = torch.randn(2, 3, mesh.n_points, dtype=torch.float64, generator=generator, requires_grad=True)
    v = torch.randn(2, 3, 50, dtype=torch.float64, generator=generator)
    product = (linear(u) * v).sum()
    assert torch.allclose(product, (u * linear.adjoint(v)).sum())
    product.backward()
    assert u.grad is not None
    assert torch.allclose(u.grad, linear.adjoint(v))
    assert torch.autograd.gradcheck(linear, u)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 5)])
def test_every_way_of_computing_is_the_product_with_the_matrix(
    shape: tuple[int, ...], dtype: torch.dtype, device: str
) -> None:
    """Values and gradient; each sums a few products of numbers around 1."""
    mesh, queries = scattered(5), inside(scattered(5), 50)
    linear = interpolation(mesh, queries, dtype=dtype).to(device)
    dense = torch.from_numpy(linear.matrix.toarray())
    generator = torch.manual_seed(0)
    u = torch.randn(*shape, mesh.n_points, dtype=dtype, generator=generator)
    v = torch.randn(*shape, 50, dtype=dtype, generator=generator)
    tracked = u.to(device).requires_grad_()
    found = linear(tracked)
    found.backward(v.to(device))
    assert tracked.grad is not None
    assert found.dtype == dtype
    assert torch.equal(linear(u.to(device)), found)
    tolerance = 32 * torch.finfo(dtype).eps
    assert torch.allclose(found.detach().cpu().double(), u.double() @ dense.T, rtol=0, atol=tolerance)
    assert torch.allclose(tracked.grad.cpu().double(), v.double() @ dense, rtol=0, atol=tolerance)


def test_maps_are_kept_by_content() -> None:
    first, same = scattered(5), scattered(5)
    grid = Grid((4, 4))
    assert first is not same
    assert interpolation(first, grid).matrix is interpolation(same, Grid((4, 4))).matrix
    assert interpolation(first, grid).matrix is not interpolation(first, Grid((4, 5))).matrix


def test_nearest_takes_the_value_of_the_nearest_point() -> None:
    mesh = scattered(6)
    queries = np.random.default_rng(0).uniform(-1, 2, (50, 2))
    distance = np.linalg.norm(queries[:, None] - mesh.points, axis=2)
    found = nearest(mesh, queries)(torch.arange(mesh.n_points, dtype=torch.float32))
    assert np.array_equal(found.numpy(), distance.argmin(axis=1))


def test_cell_centered_and_periodic_grids() -> None:
    grid = Grid((4,), location="cell")
    values = torch.tensor([0.125, 0.375, 0.625, 0.875])
    found = interpolation(grid, np.array([[0.0], [0.25], [0.5], [1.0]]))(values)
    assert found.tolist() == pytest.approx([0.125, 0.25, 0.5, 0.875])  # constant up to the sides
    ring = Grid((4,), periodic=True)
    found = interpolation(ring, np.array([[0.875], [1.125], [-0.25]]))(torch.tensor([0.0, 1.0, 2.0, 3.0]))
    assert found.tolist() == pytest.approx([1.5, 0.5, 3.0])


def test_wrong_arguments_are_refused() -> None:
    mesh = scattered(3)
    with pytest.raises(InputError, match="outside='nearest', 'nan' or 'raise', got 'zero'"):
        interpolation(mesh, mesh, outside="zero")
    with pytest.raises(InputError, match=r"points \(M, 2\), got shape \(4, 3\)"):
        interpolation(mesh, np.zeros((4, 3)))
    with pytest.raises(InputError, match="finite coordinates"):
        interpolation(mesh, np.full((4, 2), np.nan))
    with pytest.raises(InputError, match="values at 16 points, got 15"):
        interpolation(mesh, mesh)(torch.zeros(15))
