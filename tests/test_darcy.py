"""Darcy flow by finite volumes: orders, an independent matrix, iterations, gradients, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import torch
from torch import Tensor

import surrogate as sg
from surrogate.datasets import Grid, InputError, NumericalFailure
from surrogate.solvers import Darcy

DD, NN, DN = ("dirichlet", "dirichlet"), ("neumann", "neumann"), ("dirichlet", "neumann")


def box(n: int, *boundary: tuple[str, str], location: str = "cell") -> Grid:
    """Return a grid of about n points along each axis of a box that is no square."""
    sides = boundary or (DD, DD)
    shape, extent = ((n, n + 2, n - 1)[: len(sides)], (1.0, 1.5, 0.7)[: len(sides)])
    return Grid(shape, extent, sides, location)  # type: ignore[arg-type]


def two_phase(n: int, samples: int = 3, high: float = 12.0, low: float = 3.0) -> Tensor:
    """Return disks of one material in another."""
    x, y = np.meshgrid(*[(np.arange(n) + 0.5) / n] * 2, indexing="ij")
    rng, media = np.random.default_rng(1), []
    for _ in range(samples):
        inside = np.zeros((n, n), dtype=bool)
        for a, b, radius in rng.uniform([0, 0, 0.05], [1, 1, 0.25], (6, 3)):
            inside |= np.hypot(x - a, y - b) < radius
        media.append(np.where(inside, high, low))
    return torch.from_numpy(np.stack(media))[:, None]


def rough(grid: Grid, samples: int = 2) -> Tensor:
    """Return permeability that is independent at each point."""
    noise = torch.randn(samples, 1, *grid.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return (0.7 * noise).exp()


def points(grid: Grid) -> list[Tensor]:
    return list(torch.meshgrid(*map(torch.from_numpy, grid.axes), indexing="ij"))


def error_of(solver: Darcy, a: Tensor, f: Tensor, exact: Tensor) -> float:
    p = solver(a[None, None], f[None, None])[0, 0]
    return float((p - exact).norm() / exact.norm())


def orders(errors: list[float]) -> np.ndarray:
    return -np.diff(np.log2(errors))


def smooth_problem(grid: Grid) -> tuple[Tensor, Tensor, Tensor]:
    """Return a = exp(x sin(2 y)), p = sin(pi x) cos(pi y / 1.5) and f: Dirichlet in x, Neumann in y."""
    x, y = points(grid)
    k, m = math.pi, math.pi / 1.5
    a = (x * (2 * y).sin()).exp()
    p = (k * x).sin() * (m * y).cos()
    p_x, p_y = k * (k * x).cos() * (m * y).cos(), -m * (k * x).sin() * (m * y).sin()
    f = a * (k**2 + m**2) * p - a * (2 * y).sin() * p_x - a * 2 * x * (2 * y).cos() * p_y
    return a, f, p


@pytest.mark.parametrize("location", ["cell", "node"])
@pytest.mark.parametrize("mean", ["harmonic", "arithmetic"])
def test_second_order_where_all_is_smooth(location: str, mean: Any) -> None:
    grids = [Grid((n, n), (1.0, 1.5), (DD, NN), location) for n in (17, 33, 65, 129)]  # type: ignore[arg-type]
    errors = [error_of(Darcy(grid, source=None, mean=mean), *smooth_problem(grid)) for grid in grids]
    np.testing.assert_allclose(orders(errors)[1:], 2.0, atol=0.06)
    assert errors[-1] < 2e-4


def test_second_order_on_stretched_cells() -> None:
    """On cells that grow smoothly, as the truncation errors of neighbors cancel."""
    grids = [Grid((n, n), (1.0, 1.5), (DD, NN), "cell", (("tanh", 1.2), "uniform")) for n in (16, 32, 64)]
    errors = [error_of(Darcy(grid, source=None), *smooth_problem(grid)) for grid in grids]
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.1)


@pytest.mark.parametrize(("mean", "order"), [("harmonic", 2.0), ("arithmetic", 1.0)])
def test_order_at_a_jump_along_faces(mean: Any, order: float) -> None:
    """The layers 1 and 10 with f = 1: exact solution by two parabolas of equal value and flux at x = 1/2."""
    errors = []
    for n in (16, 32, 64, 128):
        grid = Grid((n, 4), (1.0, 1.0), (DD, NN), "cell")
        x, _ = points(grid)
        a = torch.where(x < 0.5, 1.0, 10.0).double()
        # a p' = q - x; p(1/2) from both sides: (q - 1/4) / 2 = -(q / 2 - 3 / 8) / 10
        q = (0.125 + 0.0375) / (0.5 + 0.05)
        exact = torch.where(x < 0.5, q * x - x**2 / 2, (q * (x - 1) - (x**2 - 1) / 2) / 10)
        errors.append(error_of(Darcy(grid, mean=mean, source=None), a, torch.ones_like(a), exact))
    np.testing.assert_allclose(orders(errors)[1:], order, atol=0.1)


def matrix_of(grid: Grid, a: np.ndarray, *, arithmetic: bool = False) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """Return matrix and volumes on uniform cells or nodes, face by face; rows of fixed nodes are those of the unit."""
    count, entries, h = a.size, {}, grid.spacing
    number = np.arange(count).reshape(grid.shape)
    weights = np.ones(grid.shape)
    for axis, w in enumerate(grid.quadrature_weights):
        weights *= w.reshape([-1 if k == axis else 1 for k in range(grid.dim)])
    fixed = np.zeros(count, dtype=bool)
    nodes = grid.location == "node"
    for index in np.ndindex(grid.shape):
        for axis, n in enumerate(grid.shape):
            across = weights[index] / grid.quadrature_weights[axis][index[axis]]
            i = number[index]
            if index[axis] < n - 1:
                other = (*index[:axis], index[axis] + 1, *index[axis + 1 :])
                j, one, two = number[other], a[index], a[other]
                face = across / h[axis] * ((one + two) / 2 if arithmetic else 2 * one * two / (one + two))
                for pair, value in (((i, i), face), ((j, j), face), ((i, j), -face), ((j, i), -face)):
                    entries[pair] = entries.get(pair, 0.0) + value
            for side, at in ((0, 0), (1, n - 1)):
                if index[axis] == at and grid.boundary[axis][side] == "dirichlet":
                    fixed[i] |= nodes
                    entries[i, i] = entries.get((i, i), 0.0) + (0 if nodes else across * a[index] / (h[axis] / 2))
    rows, columns = np.array(list(entries)).T
    matrix = scipy.sparse.csr_array((list(entries.values()), (rows, columns)), shape=(count, count))
    free = scipy.sparse.diags_array((~fixed).astype(float))
    return (free @ matrix @ free + scipy.sparse.diags_array(fixed.astype(float))).tocsr(), weights.ravel() * ~fixed


@pytest.mark.parametrize("location", ["cell", "node"])
@pytest.mark.parametrize(
    "boundary",
    [(DN,), (DD, DD), (DN, NN), (DN[::-1], DN), (DD, NN, DN)],
    ids=lambda sides: "-".join(low[0] + high[0] for low, high in sides),
)
@pytest.mark.parametrize("mean", ["harmonic", "arithmetic"])
def test_against_a_direct_solution(location: str, boundary: Any, mean: Any) -> None:
    grid = box(7, *boundary, location=location)
    a = rough(grid)
    source = torch.randn_like(a, generator=torch.Generator().manual_seed(1))
    p = Darcy(grid, source=None, mean=mean, tolerance=1e-12)(a, source)
    for sample in range(2):
        matrix, volumes = matrix_of(grid, a[sample, 0].numpy(), arithmetic=mean == "arithmetic")
        direct = scipy.sparse.linalg.spsolve(matrix.tocsc(), volumes * source[sample, 0].numpy().ravel())
        np.testing.assert_allclose(p[sample, 0].numpy().ravel(), direct, rtol=0, atol=1e-9 * np.abs(direct).max())


@pytest.mark.parametrize("location", ["cell", "node"])
def test_closed_boxes_have_solutions_of_mean_zero(location: str) -> None:
    grid = box(9, NN, NN, location=location)
    a = rough(grid)
    volumes = torch.from_numpy(matrix_of(grid, a[0, 0].numpy())[1]).reshape(grid.shape)
    source = torch.randn_like(a, generator=torch.Generator().manual_seed(1))
    source -= (source * volumes).sum((2, 3), keepdim=True) / volumes.sum()
    p = Darcy(grid, source=None, tolerance=1e-12)(a, source)
    assert (p * volumes).sum((1, 2, 3)).numpy() == pytest.approx(0.0, abs=1e-12)
    for sample in range(2):
        matrix, _ = matrix_of(grid, a[sample, 0].numpy())
        load = (volumes * source[sample, 0]).numpy().ravel()
        np.testing.assert_allclose(matrix @ p[sample, 0].numpy().ravel(), load, atol=1e-9 * np.abs(load).max())


def test_what_the_source_gives_leaves_through_the_sides() -> None:
    grid = box(20, DN, DD)
    a = rough(grid)
    p = Darcy(grid, tolerance=1e-12)(a)
    (hx, hy), ap = grid.spacing, 2 * (a * p)[:, 0]
    leaving = hy / hx * ap[:, 0].sum(1) + hx / hy * (ap[:, :, 0] + ap[:, :, -1]).sum(1)
    assert leaving.numpy() == pytest.approx(1.5, rel=1e-9)  # f = 1 over the area 1 * 1.5


def test_iterations_depend_on_the_ratio_only() -> None:
    """The bound of conjugate gradients: half the root of the ratio times log(2 / tolerance)."""
    for ratio in (4.0, 25.0):
        counts = [
            Darcy(Grid((n, n), boundary=(DD, DD), location="cell")).iterations(two_phase(n, high=3.0 * ratio))
            for n in (32, 64, 128)
        ]
        bound = math.ceil(0.5 * math.sqrt(ratio) * math.log(2 / 1e-8))
        assert np.max(counts) <= bound
        assert np.ptp(counts) <= 0.15 * bound
        assert np.min(counts) > 0.5 * bound


def test_a_uniform_medium_takes_one_iteration() -> None:
    grid = box(16, DN, NN, DD)
    assert Darcy(grid).iterations(torch.full((2, 1, *grid.shape), 3.0, dtype=torch.float64)) == [1, 1]


def test_a_batch_is_what_its_samples_are_alone() -> None:
    """Easy and hard samples, and one without a source, which is done at once."""
    grid = Grid((24, 24), boundary=(DD, DN), location="cell")
    a = torch.cat([two_phase(24, 2), two_phase(24, 1, high=300.0)])
    f = torch.tensor([[1.0], [0.0], [-2.0]], dtype=torch.float64)
    solver = Darcy(grid)
    together = solver(a, None, f)
    assert solver.iterations(a, None, f)[1] == 0
    for sample in range(3):
        alone = solver(a[[sample]], None, f[[sample]])
        assert torch.allclose(together[[sample]], alone, rtol=1e-12, atol=0)


def test_parameters_override_the_source() -> None:
    grid = Grid((16, 16), boundary=(DD, DD), location="cell")
    a = two_phase(16)
    three = torch.full((3, 1), 3.0, dtype=torch.float64)
    assert torch.allclose(Darcy(grid)(a, None, three), Darcy(grid, source=3.0)(a), rtol=1e-12, atol=0)
    assert torch.allclose(Darcy(grid, source=None)(a, torch.full_like(a, 3.0)), Darcy(grid, source=3.0)(a), rtol=1e-12)


def test_single_precision() -> None:
    """Both the tolerance and round-off stay below 1e-6, and do not grow with the number of points."""
    for n in (32, 128):
        grid = Grid((n, n), boundary=(DD, DN), location="cell")
        a = two_phase(n)
        exact = Darcy(grid, tolerance=1e-12)(a)
        p = Darcy(grid, dtype=torch.float32)(a)
        assert p.dtype == torch.float32
        assert ((p - exact).flatten(1).norm(dim=1) / exact.flatten(1).norm(dim=1)).max() < 1e-6


@pytest.mark.parametrize("boundary", [(DN, DD), (NN, NN)], ids=["dn-dd", "closed"])
@pytest.mark.parametrize("location", ["cell", "node"])
def test_gradients(boundary: Any, location: str) -> None:
    grid = Grid((4, 5), (1.0, 1.5), boundary, location)  # type: ignore[arg-type]
    a = rough(grid).requires_grad_()
    source = torch.randn(2, 1, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    volumes = torch.from_numpy(np.outer(*grid.quadrature_weights))
    source.requires_grad_()
    solver = Darcy(grid, source=None, tolerance=1e-13)

    def pressure(a: Tensor, source: Tensor) -> Tensor:
        if boundary == (NN, NN):
            source = source - (source * volumes).sum((2, 3), keepdim=True) / volumes.sum()
        return solver(a, source)

    assert torch.autograd.gradcheck(pressure, (a, source), atol=1e-7)


def test_fields_go_in_and_out() -> None:
    grid = Grid((8, 8), boundary=(DD, DD), location="cell")
    fields = sg.datasets.fields.check(_fields(grid, two_phase(8)))
    p = sg.predict(Darcy(grid), fields)["pressure"]
    assert p.dims == ("sample", "x", "y")
    np.testing.assert_allclose(p.values, Darcy(grid)(two_phase(8))[:, 0])


def _fields(grid: Grid, a: Tensor) -> Any:
    import xarray as xr

    values = ("sample", *grid.names), a[:, 0].numpy(), Darcy.attributes["permeability"]
    return xr.Dataset({"permeability": values}, coords=grid.coordinates())


@pytest.mark.parametrize(
    ("grid", "arguments", "message"),
    [
        (Grid((8, 8)), {}, r"'dirichlet' or 'neumann' on both sides of x, got \('wall', 'wall'\)"),
        (Grid((8,), periodic=True), {}, "'dirichlet' or 'neumann' on both sides of x"),
        (Grid(()), {}, "a grid with space axes"),
        (box(8), {"mean": "geometric"}, "the mean 'harmonic' or 'arithmetic', got 'geometric'"),
        (box(8), {"dtype": torch.float16}, "dtype float64 or float32"),
        (box(8), {"tolerance": 0.0}, "a tolerance between 0 and 1"),
        (box(8), {"max_iterations": 0}, "at least one iteration"),
        (box(8, NN, NN), {}, "a source that sums to zero, as nothing flows through the sides, got 1.0"),
    ],
)
def test_wrong_arguments_are_refused(grid: Grid, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Darcy(grid, **arguments)


def test_wrong_fields_are_refused() -> None:
    grid = Grid((8, 8), boundary=(DD, DD), location="cell")
    a = two_phase(8)
    for value in (0.0, -1.0, math.nan, math.inf):
        wrong = a.clone()
        wrong[1, 0, 2, 3] = value
        with pytest.raises(InputError, match="a positive permeability"):
            Darcy(grid)(wrong)
    with pytest.raises(InputError, match=r"fields on \(8, 8\) points, got \(9, 9\)"):
        Darcy(grid)(two_phase(9))
    with pytest.raises(InputError, match="the static field 'source', got none"):
        Darcy(grid, source=None)(a)
    with pytest.raises(InputError, match="sums to zero, as nothing flows through the sides, got the integral 1"):
        Darcy(Grid((8, 8), boundary=(NN, NN), location="cell"), source=None)(a, torch.ones_like(a))
    for other in (Grid((8, 8)), Grid((8, 8), (1.0, 2.0), location="cell"), Grid((9, 8), location="cell")):
        with pytest.raises(InputError, match="Make a solver for the grid of the fields"):
            sg.predict(Darcy(grid), _fields(other, torch.ones(1, 1, *other.shape)))


def test_no_convergence_is_reported() -> None:
    a = torch.cat([torch.ones(1, 1, 16, 16, dtype=torch.float64), two_phase(16, 1, high=300.0)])
    solver = Darcy(Grid((16, 16), boundary=(DD, DD), location="cell"), max_iterations=3)
    with pytest.raises(
        NumericalFailure, match=r"sample 1 of the batch did not converge in 3 iterations.* factor of 100"
    ):
        solver(a)


@pytest.mark.gpu
def test_devices_agree() -> None:
    grid = Grid((64, 64), boundary=(DD, DN), location="cell")
    a = two_phase(64)
    there = Darcy(grid).to("cuda")(a.to("cuda")).cpu()
    assert torch.allclose(there, Darcy(grid)(a), rtol=1e-7, atol=0)
