"""Finite elements for Poisson's equation: order, balance, maximum principle, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import eigsh
from skfem import Basis, Element, ElementTriP1, ElementTriP2, FacetBasis, LinearForm, MeshTri

from surrogate.datasets import InputError, Mesh
from surrogate.solvers import Poisson
from surrogate.solvers.geometry import Polygon, RandomPolygons, triangulate

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]


def square(n: int) -> Mesh:
    """Return the unit square in 4 n^2 right triangles, their inner points moved; x = 1/2 stays a line of edges."""
    x, y = (axis.ravel() for axis in np.meshgrid(*[np.linspace(0, 1, 2 * n + 1)] * 2, indexing="ij"))
    points = np.column_stack([x, y])
    inner = (x > 0) & (x < 1) & (y > 0) & (y < 1)
    shift = np.random.default_rng(0).uniform(-0.3, 0.3, points.shape) / (2 * n)
    shift[np.isclose(x, 0.5), 0] = 0.0
    points[inner] += shift[inner]
    corner = (np.arange(2 * n)[:, None] * (2 * n + 1) + np.arange(2 * n)).ravel()
    a, b, c, d = corner, corner + 2 * n + 1, corner + 2 * n + 2, corner + 1
    triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    sides = {"left": x == 0, "right": x == 1, "bottom": y == 0, "top": y == 1}
    return Mesh(points, {"triangle": triangles}, {name: np.flatnonzero(side) for name, side in sides.items()})


def jump(mesh: Mesh) -> np.ndarray:
    """Return the conductivity 1 for x < 1/2 and 10 beyond."""
    return np.where(mesh.cell_centers[:, 0] < 0.5, 1.0, 10.0)


def smooth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sin(math.pi * x) * np.exp(y)


def kinked(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """With a jump from 1 to 10 at x = 1/2 both the value and the flux a u_x are continuous there."""
    s = (x - 0.5) / np.where(x < 0.5, 1.0, 10.0)
    return (s + s**2) * np.cos(y)


CASES = {
    "smooth": (smooth, lambda x, y: (math.pi**2 - 1) * smooth(x, y), smooth, False),
    "jump": (
        kinked,
        lambda x, y: -2 * np.cos(y) / np.where(x < 0.5, 1.0, 10.0) + np.where(x < 0.5, 1.0, 10.0) * kinked(x, y),
        lambda x, y: -np.where(x < 0.5, 1.0, 10.0) * (kinked(x, y) / np.cos(y)) * np.sin(y),
        True,
    ),
}


def l2_error(solver: Poisson, u: np.ndarray, exact: Function) -> float:
    """Return the error in L2 by quadrature of order 8 within the cells."""
    basis = Basis(*skfem_parts(solver), intorder=8)
    return float(np.sqrt(((basis.interpolate(u) - exact(*basis.global_coordinates())) ** 2 * basis.dx).sum()))


def skfem_parts(solver: Poisson) -> tuple[MeshTri, Element]:
    mesh = MeshTri(*(np.ascontiguousarray(array.T) for array in (solver.domain.points, solver.domain.cells)))
    return mesh, {1: ElementTriP1, 2: ElementTriP2}[solver.degree]()


def solution(mesh: Mesh, degree: int, name: str) -> tuple[Poisson, np.ndarray]:
    """Solve with Dirichlet data on three sides and the exact flux on the top; f and q may jump: loads by quadrature."""
    exact, source, top_flux, jumps = CASES[name]
    dirichlet = ["left", "right", "bottom"]
    solver = Poisson(mesh, dirichlet=dirichlet, conductivity=jump(mesh) if jumps else 1.0, degree=degree)
    parts = skfem_parts(solver)
    top = FacetBasis(*parts, facets=parts[0].facets_satisfying(lambda x: x[1] == 1.0), intorder=8)
    load = LinearForm(lambda v, w: source(*w.x) * v).assemble(Basis(*parts, intorder=8))
    load += LinearForm(lambda v, w: top_flux(*w.x) * v).assemble(top)
    return solver, solver.solve(load, exact(*solver.locations.T))


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_errors_in_l2_fall_with_the_order_of_the_element(degree: int, name: str) -> None:
    errors = [l2_error(*solution(square(n), degree, name), CASES[name][0]) for n in (8, 16, 32)]
    orders = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    # moved at random, the meshes are not refinements of each other: the slopes scatter by some hundredths
    assert orders[-1] == pytest.approx(degree + 1, abs=0.1), errors


def test_matrices_are_symmetric_and_positive() -> None:
    mesh = square(4)
    for degree in (1, 2):
        solver = Poisson(mesh, dirichlet=["left"], conductivity=jump(mesh), degree=degree)
        matrix = solver.stiffness()
        assert abs(matrix - matrix.T).max() <= 1e-13 * abs(matrix).max()
        free = np.setdiff1d(np.arange(matrix.shape[0]), solver.fixed)
        # Friedrichs' inequality: the smallest eigenvalue is at least about (pi/2)^2 times that of the mass matrix
        low = eigsh(matrix[free][:, free], k=1, M=solver.mass[free][:, free], sigma=0, return_eigenvectors=False)
        assert low[0] > (math.pi / 2) ** 2


def test_a_linear_solution_is_exact_and_what_flows_in_flows_out() -> None:
    """U = 2 + x flows with a = 3 from the right to the left: 3 through each."""
    mesh = square(3)
    for degree in (1, 2):
        solver = Poisson(mesh, dirichlet=["left"], neumann=["right"], conductivity=3.0, degree=degree)
        x = solver.locations[:, 0]
        load = solver.load(np.zeros_like(x), np.full_like(x, 3.0))
        u = solver.solve(load, np.full_like(x, 2.0))
        assert u == pytest.approx(2 + x, abs=1e-12)
        assert solver.reactions(u, load).sum() == pytest.approx(-3.0, abs=1e-12)


@pytest.mark.parametrize("degree", [1, 2])
def test_the_operator_interpolates_and_solves(degree: int) -> None:
    """f, g and q linear between the points: for degree 1 the solution, for 2 that with the middle values."""
    mesh = square(3)
    solver = Poisson(mesh, dirichlet=["left"], degree=degree)
    f, g, q = (slope @ solver.locations.T for slope in np.random.default_rng(0).standard_normal((3, 2)))
    u = solver.solve(solver.load(f, q), g)
    x = torch.from_numpy(np.stack([f, g, q]))[None, :, : mesh.n_points]
    assert solver(x).flatten().numpy() == pytest.approx(u[: mesh.n_points], abs=1e-12)


def test_flux_balances_on_random_polygons() -> None:
    mesh, material = triangulate(RandomPolygons(holes=(1, 1)).sample(seed=1, index=0), 0.1)
    solver = Poisson(mesh, dirichlet=["outer"], conductivity=10.0**material)
    rng = np.random.default_rng(0)
    f, g, q = rng.standard_normal((3, mesh.n_points))
    load = solver.load(f, q)
    assert load.sum() == pytest.approx(mesh.quadrature_weights @ f + solver.boundary_mass.sum(axis=0) @ q)
    assert solver.reactions(solver.solve(load, g), load).sum() == pytest.approx(-load.sum(), abs=1e-10)


@pytest.mark.parametrize("index", range(5))
def test_maximum_principle_on_delaunay_meshes(index: int) -> None:
    """For linear elements on a Delaunay mesh no weight is negative: values lie between those on the boundary."""
    mesh, _ = triangulate(RandomPolygons(holes=(1, 2), inclusions=(0, 0)).sample(seed=2, index=index), 0.12)
    solver = Poisson(mesh, dirichlet=list(mesh.tags))
    g = np.random.default_rng(index).uniform(-1, 1, mesh.n_points)
    u = solver.solve(np.zeros_like(g), g)
    boundary = g[mesh.boundary_points]
    inner = np.delete(u, mesh.boundary_points)
    assert boundary.min() <= inner.min() <= inner.max() <= boundary.max()


def test_flow_through_a_ring_follows_the_logarithm() -> None:
    """Between circles of radius 1 and 1/2 (polygons of 200 sides) the flow is 2 pi a / log 2."""
    angles = 2 * np.pi * np.arange(200) / 200
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    mesh, _ = triangulate(Polygon(circle, holes=(0.5 * circle,)), 0.04)
    solver = Poisson(mesh, dirichlet=["outer", "hole_0"], conductivity=2.0, degree=2)
    x = solver.locations
    zero, g = np.zeros(len(x)), (np.linalg.norm(x, axis=1) > 0.75).astype(float)
    reactions = solver.reactions(solver.solve(zero, g), zero)
    inward = reactions[g[solver.fixed] == 1].sum()
    assert inward == pytest.approx(4 * math.pi / math.log(2), rel=3e-4)  # the polygons: (pi/200)^2 = 2.5e-4


def test_a_batch_is_what_its_samples_are() -> None:
    mesh = square(4)
    solver = Poisson(mesh, dirichlet=["left"], degree=2)
    x = torch.randn(3, 3, mesh.n_points, generator=torch.manual_seed(0))
    static = torch.rand(3, 1, mesh.n_cells) + 0.5
    batch = solver(x, static)
    assert batch.dtype == x.dtype
    for i in range(3):
        assert torch.allclose(batch[i : i + 1], solver(x[i : i + 1], static[i : i + 1]), atol=1e-6)
    ones = torch.ones_like(static)
    assert torch.allclose(solver(x), solver(x, ones), rtol=1e-5, atol=1e-6)


def test_wrong_arguments_are_refused() -> None:
    mesh = square(2)
    with pytest.raises(InputError, match="a tag out of left, right, bottom, top, got 'wall'"):
        Poisson(mesh, dirichlet=["wall"])
    with pytest.raises(InputError, match="Dirichlet part in every piece of the mesh, got 1 of 1 without"):
        Poisson(mesh, dirichlet=[])
    with pytest.raises(InputError, match="boundary facets in tag 'point', got none"):
        Poisson(Mesh(mesh.points, mesh.cells, {"point": [0]}, cell_dim=2), dirichlet=["point"])
    with pytest.raises(InputError, match="a positive conductivity"):
        Poisson(mesh, dirichlet=["left"], conductivity=0.0)
    with pytest.raises(InputError, match="one conductivity or 32"):
        Poisson(mesh, dirichlet=["left"], conductivity=np.ones(3))
    with pytest.raises(InputError, match="degree 1 or 2, got 3"):
        Poisson(mesh, dirichlet=["left"], degree=3)
    quad = Mesh([[0, 0], [1, 0], [1, 1], [0, 1]], {"quad": [[0, 1, 2, 3]]}, {"all": [0, 1]})
    with pytest.raises(InputError, match=r"triangles in the plane, got \['quad'\] in 2-D"):
        Poisson(quad, dirichlet=["all"])
    with pytest.raises(InputError, match="values at the 25 points"):
        Poisson(mesh, dirichlet=["left"])(torch.zeros(1, 3, 24))
