"""The residual of Darcy flow: that of the solution, its norm, its gradient, training without targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

import surrogate as sg
from surrogate import Grid, InputError, solvers
from surrogate.datasets import Normalizer, Signature
from surrogate.solvers import Darcy
from surrogate.training import Surrogate
from surrogate.training.objectives import SteadyResidual

AsFields = Callable[..., xr.Dataset]
CELLS = Grid((8, 6), boundary=(("dirichlet", "dirichlet"), ("dirichlet", "neumann")), location="cell")
NODES = Grid((8, 7), boundary=(("dirichlet", "neumann"), ("dirichlet", "dirichlet")))
CLOSED = Grid((8, 6), boundary=(("neumann", "neumann"),) * 2, location="cell")
CPU = {"accelerator": "cpu"}


def random(grid: Grid, *, source: bool = False) -> tuple[Tensor, ...]:
    """Return permeabilities between 1 and 10 and, if asked for, sources of mean zero."""
    torch.manual_seed(0)
    a = 10 ** torch.rand(3, 1, *grid.shape, dtype=torch.float64)
    f = torch.randn(3, 1, *grid.shape, dtype=torch.float64)
    return (a, f - f.mean((2, 3), keepdim=True)) if source else (a,)


@pytest.mark.parametrize("grid", [CELLS, NODES])
def test_the_solution_of_the_solver_has_that_of_its_tolerance(grid: Grid) -> None:
    solver = Darcy(grid, tolerance=1e-10)
    (a,) = random(grid)
    assert solver.residual(solver(a), a).max() <= 1.01e-10  # round-off of the recurrence of the residual
    closed = Darcy(CLOSED, source=None, tolerance=1e-10)
    a, f = random(CLOSED, source=True)
    assert closed.residual(closed(a, f) + 3.0, a, f).max() <= 1.01e-10  # and a constant makes no flow


def dense(solver: Darcy, a: Tensor) -> np.ndarray:
    """Return the matrix for one sample, column by column."""
    shape = a[0, 0][solver.finite_volumes.unknowns].shape
    units = torch.eye(shape.numel(), dtype=torch.float64).view(-1, *shape)
    columns: np.ndarray = solver.finite_volumes.stencil(a[:, 0]).times(units).flatten(1).numpy()
    return columns


@pytest.mark.parametrize("grid", [CELLS, NODES])
def test_it_is_an_error_of_the_gradient_by_dense_matrices(grid: Grid) -> None:
    solver = Darcy(grid, tolerance=1e-12)
    (a,) = random(grid)
    p = torch.randn_like(a)
    found = solver.residual(p, a)
    for sample in range(3):
        one = a[sample : sample + 1]
        matrix, metric = dense(solver, one), dense(solver, torch.ones_like(one))
        unknowns = solver.finite_volumes.unknowns
        b = solver.finite_volumes.volumes.flatten().numpy()
        r = b - matrix @ p[sample, 0][unknowns].flatten().numpy()
        norm = np.sqrt((r @ np.linalg.solve(metric, r)) / (b @ np.linalg.solve(metric, b)))
        assert found[sample].item() == pytest.approx(norm, rel=1e-10)
        exact = np.linalg.solve(matrix, b)
        error = p[sample, 0][unknowns].flatten().numpy() - exact
        energy = np.sqrt((error @ matrix @ error) / (exact @ matrix @ exact))
        factor = float((one.max() / one.min()).sqrt())
        assert energy / factor <= norm <= energy * factor


@pytest.mark.parametrize(("location", "order"), [("node", 2.0), ("cell", 1.5)])
@pytest.mark.parametrize("mean", ["harmonic", "arithmetic"])
def test_that_of_the_true_solution_is_of_the_order_of_the_scheme(mean: str, location: Any, order: float) -> None:
    """For a = 1 + x y and p = sin(pi x) sin(pi y) the source is -div(a grad p).

    The flux through the side of a cell is of first order, on a strip as wide as a cell: h^1.5 in this norm.
    """
    residuals = []
    for n in (33, 65):
        grid = Grid((n, n), boundary=(("dirichlet", "dirichlet"),) * 2, location=location)
        x, y = torch.meshgrid(*map(torch.tensor, grid.axes), indexing="ij")
        pi = torch.pi
        sx, sy, cx, cy = (pi * x).sin(), (pi * y).sin(), (pi * x).cos(), (pi * y).cos()
        a, p = 1 + x * y, sx * sy
        f = 2 * pi**2 * a * p - pi * (y * cx * sy + x * sx * cy)
        a, p, f = (values[None, None] for values in (a, p, f))
        residuals.append(Darcy(grid, source=None, mean=mean).residual(p, a, f).item())
    assert np.log2(residuals[0] / residuals[1]) == pytest.approx(order, abs=0.15)


def test_gradients_are_those_of_differences() -> None:
    solver = Darcy(CELLS, source=None)
    a, f = random(CELLS, source=True)
    given = [values.requires_grad_() for values in (torch.randn_like(a), a, f)]
    assert torch.autograd.gradcheck(solver.residual, given, fast_mode=True)
    zero = torch.zeros_like(a).requires_grad_()
    (slope,) = torch.autograd.grad(solver.residual(zero, a.detach(), f.detach()).sum(), zero)
    assert slope.isfinite().all()


class Free(nn.Module):
    """A pressure to be found, one for each of the samples."""

    def __init__(self, like: Tensor) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.zeros_like(like))

    def forward(self, x: Tensor) -> Tensor:
        return self.p


def test_the_pressure_that_minimizes_it_is_that_of_the_solver() -> None:
    """By its fields' names: the source is an input before the permeability."""
    solver = Darcy(CELLS, source=None)
    a, f = random(CELLS, source=True)
    signature = Signature(("source", "permeability"), ("pressure",), CELLS)
    names = {"input": signature.in_fields, "output": signature.out_fields}
    model = Surrogate(Free(a), signature, {role: Normalizer(fields) for role, fields in names.items()})
    batch = {"x": torch.cat([f, a], dim=1)}
    objective = SteadyResidual(solver)
    assert objective.frames(signature) == 1
    minimizer = torch.optim.LBFGS(model.parameters(), max_iter=300, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        minimizer.zero_grad()
        total = objective.losses(model, batch, 0).square().sum()
        total.backward()
        return total.detach()

    minimizer.step(loss)
    exact = solver(a, f)
    assert (model(batch["x"]) - exact).norm() < 1e-4 * exact.norm()


@pytest.fixture
def tree(as_fields: AsFields) -> xr.DataTree:
    values = np.random.default_rng(0).uniform(1, 2, size=(2, 6, 8, 6))
    variables = {name: ("sample x y", field) for name, field in zip(("permeability", "pressure"), values, strict=True)}
    fields = as_fields(CELLS, variables)
    return sg.prepare(fields, inputs=["permeability"], outputs=["pressure"], split=(4, 2, 0))


def test_it_is_a_term_beside_the_data_in_float32(tree: xr.DataTree) -> None:
    objective = sg.objectives.RelativeL2() + 0.1 * SteadyResidual(Darcy(CELLS))
    model = sg.fit(nn.Conv2d(1, 1, 3, padding=1), tree, epochs=1, objective=objective, trainer=CPU)
    part = tree["validation"]
    p, t, a = (torch.from_numpy(values) for values in (model.predict(part)["pressure"].values, *(
        part[name].values for name in ("pressure", "permeability")
    )))  # fmt: skip
    by_hand = (p - t).flatten(1).norm(dim=1) / t.flatten(1).norm(dim=1)
    by_hand = by_hand + 0.1 * Darcy(CELLS).residual(p[:, None].double(), a[:, None])
    assert model.record["validation_loss"] == pytest.approx(by_hand.mean().item(), rel=1e-5)  # single precision


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (Darcy(NODES), "fields on Grid"),
        (Darcy(CELLS, source=None), r"the inputs \['permeability', 'source'\], got \['permeability'\]"),
    ],
)
def test_another_solver_than_that_of_the_data_is_refused(tree: xr.DataTree, solver: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sg.fit(nn.Conv2d(1, 1, 1), tree, objective=SteadyResidual(solver), trainer=CPU)


def test_data_in_time_and_solvers_in_time_are_refused(as_fields: AsFields) -> None:
    grid = Grid((16,), periodic=True)
    values = np.random.default_rng(0).normal(size=(6, 3, 16))
    fields = as_fields(grid, {"u": ("sample time x", values)}, time=[0.0, 0.1, 0.2])
    tree = sg.prepare(fields, inputs=["u"], outputs=["u"], split=(4, 2, 0))
    with pytest.raises(InputError, match=r"steady data of \['pressure'\], got \['u'\] that are stepped in time"):
        sg.fit(nn.Conv1d(1, 1, 1), tree, objective=SteadyResidual(Darcy(CELLS)), trainer=CPU)
    with pytest.raises(InputError, match=r"with a residual \(Darcy\), got Burgers\. Use StepResidual"):
        SteadyResidual(solvers.Burgers(grid, viscosity=0.1, dt=0.1))
