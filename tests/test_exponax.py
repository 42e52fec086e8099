"""Agreement with exponax, an independent library (pip install surrogate-pde[bench]); KdV, where its order is one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import (
    Burgers,
    KdV,
    KolmogorovForcing,
    KuramotoSivashinsky,
    KuramotoSivashinskyPotential,
    NavierStokes2D,
    Semilinear,
    VectorBurgers,
)

jax = pytest.importorskip("jax")
exponax = pytest.importorskip("exponax")

LENGTH = 2 * math.pi
LINE = Grid((96,), extent=(LENGTH,), periodic=True)
PLANE = Grid((48, 48), extent=(LENGTH, LENGTH), periodic=True)
STEP, STEPS = 0.005, 20
Stepper = Callable[[Any], Any]


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    """Let JAX compute in float64, here only."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def waves(grid: Grid) -> Tensor:
    """Return a few waves that interact and stay resolved: the libraries may cut their modes at masks that differ."""
    x, *y = torch.meshgrid(*map(torch.as_tensor, grid.axes), indexing="ij")
    if not y:
        return torch.cos(x) + 0.5 * torch.sin(2 * x + 0.3)
    return torch.cos(x) + torch.sin(y[0] + 0.3) + 0.5 * torch.cos(x + 2 * y[0]) + 0.5 * torch.sin(2 * x - y[0])


def theirs(stepper: Stepper, u: Tensor, steps: int) -> Tensor:
    """Return the state after some steps, without the axis of batches."""
    solve = jax.jit(lambda state: jax.lax.fori_loop(0, steps, lambda _, now: stepper(now), state))
    return torch.from_numpy(np.array(solve(u.numpy())))


def difference(solver: Semilinear, stepper: Stepper, u: Tensor, sign: float = 1.0) -> float:
    """Return the largest difference where their field is ours times ``sign``."""
    return (solver(u[None])[0] - sign * theirs(stepper, sign * u, STEPS)).abs().max().item()


def test_burgers() -> None:
    stepper = exponax.stepper.Burgers(1, LENGTH, 96, STEP, diffusivity=0.2, conservative=True, order=4)
    solver = Burgers(LINE, viscosity=0.2, dt=STEP * STEPS, substeps=STEPS)
    assert difference(solver, stepper, waves(LINE)[None]) < 1e-10


def test_kuramoto_sivashinsky() -> None:
    grid = Grid((96,), extent=(32.0,), periodic=True)
    u = waves(LINE)[None]
    stepper = exponax.stepper.KuramotoSivashinskyConservative(1, 32.0, 96, STEP, order=4)
    assert difference(KuramotoSivashinsky(grid, dt=STEP * STEPS, substeps=STEPS), stepper, u) < 1e-10


def test_kuramoto_sivashinsky_for_the_potential() -> None:
    """On a line: in a plane their fourth derivative is that along each axis, without the mixed one."""
    grid = Grid((96,), extent=(32.0,), periodic=True)
    stepper = exponax.stepper.KuramotoSivashinsky(1, 32.0, 96, STEP, order=4)
    solver = KuramotoSivashinskyPotential(grid, dt=STEP * STEPS, substeps=STEPS)
    assert difference(solver, stepper, waves(LINE)[None]) < 1e-10


def test_burgers_for_a_velocity() -> None:
    stepper = exponax.stepper.Burgers(2, LENGTH, 48, STEP, diffusivity=0.2, conservative=False, order=4)
    solver = VectorBurgers(PLANE, viscosity=0.2, dt=STEP * STEPS, substeps=STEPS)
    assert difference(solver, stepper, torch.stack([waves(PLANE), waves(PLANE).T])) < 1e-8


def test_navier_stokes_whose_vorticity_has_the_opposite_sign() -> None:
    w = 2 * waves(PLANE)[None]
    decaying = exponax.stepper.NavierStokesVorticity(2, LENGTH, 48, STEP, diffusivity=0.1, drag=-0.1, order=4)
    solver = NavierStokes2D(PLANE, viscosity=0.1, drag=0.1, dt=STEP * STEPS, substeps=STEPS)
    assert difference(solver, decaying, w, sign=-1.0) < 1e-10
    assert difference(solver, decaying, w) > 1e-3
    forced = exponax.stepper.KolmogorovFlowVorticity(
        2, LENGTH, 48, STEP, diffusivity=0.1, drag=-0.1, injection_mode=2, injection_scale=-1.0, order=4
    )
    solver = NavierStokes2D(
        PLANE, viscosity=0.1, drag=0.1, forcing=KolmogorovForcing(2), dt=STEP * STEPS, substeps=STEPS
    )
    assert difference(solver, forced, w, sign=-1.0) < 1e-10


def test_kdv_is_of_order_four_here_and_of_order_one_there() -> None:
    """The soliton of speed 4 on the length 40; exponax 0.2.0 takes real parts of coefficients that are complex."""
    grid, time = Grid((384,), extent=(40.0,), periodic=True), 0.25
    x = torch.as_tensor(grid.axes[0])

    def soliton(time: float) -> Tensor:
        return (2 / torch.cosh(x - 15 - 4 * time).square())[None]

    def ours(steps: int) -> Tensor:
        return KdV(grid, dt=time, substeps=steps)(soliton(0.0)[None])[0]

    def others(steps: int) -> Tensor:
        coefficients = {"convection_scale": 6.0, "dispersivity": 1.0, "hyper_diffusivity": 0.0}
        return theirs(
            exponax.stepper.KortewegDeVries(1, 40.0, 384, time / steps, **coefficients, order=4), soliton(0.0), steps
        )

    for solve, order in ((ours, 4), (others, 1)):
        errors = [(solve(steps) - soliton(time)).norm().item() for steps in (100, 200, 400)]
        assert [math.log2(coarse / fine) for coarse, fine in pairwise(errors)] == pytest.approx([order] * 2, abs=0.2)
