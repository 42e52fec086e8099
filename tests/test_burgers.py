"""Burgers equation: against the Cole-Hopf solution by quadrature and the heat equation; limits, faults, wrong input."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import Burgers
from surrogate.solvers.etdrk import ETDRK4
from surrogate.solvers.initial import GaussianRandomField
from surrogate.solvers.spectral import wavenumbers


def line(n: int, **kwargs: Any) -> Grid:
    return Grid((n,), periodic=True, **kwargs)


def initial(x: np.ndarray) -> np.ndarray:
    return 0.3 + np.sin(2 * np.pi * x) + 0.5 * np.sin(4 * np.pi * x + 1)


def antiderivative(x: np.ndarray) -> np.ndarray:
    return 0.3 * x - np.cos(2 * np.pi * x) / (2 * np.pi) - np.cos(4 * np.pi * x + 1) / (8 * np.pi)


def cole_hopf(x: np.ndarray, time: float, viscosity: float) -> np.ndarray:
    """Return the solution as a ratio of two integrals over y, by the trapezoidal rule, with a shifted exponent.

    The integrands decay to e^-40 within the interval, so that the rule converges to round-off (checked below).
    """
    y = x[:, None] + (2 * time + math.sqrt(160 * viscosity * time)) * np.linspace(-1, 1, 4001)
    exponent = -(antiderivative(y) + (x[:, None] - y) ** 2 / (2 * time)) / (2 * viscosity)
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return ((x[:, None] - y) / time * weight).sum(axis=1) / weight.sum(axis=1)


def error(grid: Grid, viscosity: float, time: float, substeps: int) -> float:
    """Return the relative L2 error at ``time``."""
    (x,) = grid.axes
    solver = Burgers(grid, viscosity=viscosity, dt=time, substeps=substeps)
    solution = solver(torch.from_numpy(initial(x))[None, None])[0, 0].numpy()
    exact = cole_hopf(x, time, viscosity)
    return float(np.linalg.norm(solution - exact) / np.linalg.norm(exact))


@pytest.mark.parametrize("location", ["node", "cell"])
@pytest.mark.parametrize(("n", "viscosity"), [(256, 0.01), (255, 0.01), (64, 0.05), (63, 0.05)])
def test_a_resolved_solution_is_that_of_cole_and_hopf(n: int, viscosity: float, location: Any) -> None:
    assert error(line(n, location=location), viscosity, 0.5, 1000) < 1e-9


def test_the_quadrature_is_exact_to_round_off() -> None:
    x = np.linspace(0, 1, 7)
    h = 1e-3
    before, now, after = (cole_hopf(x, 0.3 + s * h, 0.02) for s in (-1, 0, 1))
    left, right = (cole_hopf(x + s * h, 0.3, 0.02) for s in (-1, 1))
    residual = (after - before) / (2 * h) + (right**2 - left**2) / (4 * h) - 0.02 * (right - 2 * now + left) / h**2
    assert abs(residual).max() < 0.05  # differences of second order: h^2 times third and fourth derivatives, up to 5e4
    assert cole_hopf(x[:1], 0.3, 0.02) == pytest.approx(cole_hopf(x[-1:], 0.3, 0.02), rel=1e-13)


def test_the_error_in_time_is_of_fourth_order() -> None:
    errors = [error(line(96), 0.05, 0.2, substeps) for substeps in (40, 80, 160, 320)]
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert orders == pytest.approx([4, 4, 4], abs=0.1)  # relative to it, the next term is of the order of a step, 1/40


def test_the_error_in_space_falls_exponentially_to_round_off() -> None:
    errors = [error(line(n), 0.02, 0.3, 1000) for n in (32, 64, 96, 128, 160)]
    rates = [math.log(a / b) for a, b in pairwise(errors)]
    assert rates == pytest.approx(
        [math.log(180)] * 4, rel=0.1
    )  # the same factor for each 32 points; algebraic ones shrink
    assert error(line(96), 0.05, 0.2, 1000) < 1e-12


def test_small_amplitudes_obey_the_heat_equation() -> None:
    (x,) = (torch.from_numpy(axis) for axis in line(33).axes)
    modes = torch.stack([torch.cos(2 * torch.pi * k * x + k) for k in range(11)])[:, None]
    solver = Burgers(line(33), viscosity=0.02, dt=0.1, substeps=2)
    decay = torch.exp(-0.02 * (2 * torch.pi * torch.arange(11, dtype=torch.float64)) ** 2 * 0.1)
    amplitude = 1e-13  # the nonlinear term is smaller by amplitude * wavenumber * dt, 1e-12
    assert solver(amplitude * modes).numpy() == pytest.approx(
        (amplitude * decay[:, None, None] * modes).numpy(), abs=1e-24
    )


def test_a_moving_frame_only_translates() -> None:
    """Galilean invariance: u + c at x + c t."""
    grid, u = line(64), torch.from_numpy(initial(line(64).axes[0]))[None, None]
    solver = Burgers(grid, viscosity=0.05, dt=0.25, substeps=400)
    moved = solver(u + 1.0) - 1.0
    assert moved.roll(-16, dims=-1).numpy() == pytest.approx(solver(u).numpy(), abs=1e-9)  # both errors in time


@pytest.mark.parametrize("substeps", [1, 2])
def test_derivatives_are_right(substeps: int) -> None:
    solver = Burgers(line(9), viscosity=0.1, dt=0.05, substeps=substeps)
    u = torch.from_numpy(initial(line(9).axes[0])).repeat(2, 1, 1).requires_grad_()
    viscosity = torch.tensor([[0.05], [0.2]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(solver, u)
    assert torch.autograd.gradcheck(lambda u, v: solver(u, parameters=v), (u, viscosity))


@pytest.mark.parametrize("viscosity", [1e-4, 0.01, 0.1])
def test_dt_max_is_stable_and_sharp_for_frozen_coefficients(viscosity: float) -> None:
    """Amplification of every retained mode of u_t + c u_x = viscosity u_xx, with the advection treated as N."""
    grid, speed = line(128), 1.5
    solver = Burgers(grid, viscosity=viscosity, dt=1.0)
    (k,) = wavenumbers(grid)

    def amplification(dt: float) -> float:
        scheme = ETDRK4.of(-viscosity * k**2 + 0j, dt)
        return scheme(torch.ones_like(k) + 0j, lambda v: -1j * speed * k * v).abs().max().item()

    limit = solver.dt_max(torch.full((1, 1, 128), speed, dtype=torch.float64))
    assert amplification(limit) <= 1 + 1e-12
    assert amplification(3 * limit) > 1.1
    assert solver.dt_max(torch.zeros(1, 1, 128)) == math.inf
    assert Burgers(grid, viscosity=viscosity, dt=1.0, substeps=5).dt_max(
        torch.full((1, 1, 128), speed)
    ) == pytest.approx(5 * limit)


def march(solver: Burgers, u: Tensor, steps: int) -> list[str]:
    """Return the first faults met within that many steps."""
    carry = solver.init(u)
    for _ in range(steps):
        carry, new = solver.step(carry)
        found = [words for words, mask in solver.faults(u, new).items() if mask.any()]
        if found:
            return found
    return []


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_resolved_run_has_no_faults_until_it_has_died_out(dtype: torch.dtype) -> None:
    u = GaussianRandomField().samples(line(64), seed=0, indices=range(4)).to(dtype)
    u = torch.cat([u, u + 5, torch.zeros_like(u)])
    assert march(Burgers(line(64), viscosity=0.1, dt=0.25, substeps=100, dtype=dtype), u, 40) == []


@pytest.mark.parametrize("excess", [2, 10, 1000])
def test_a_time_step_far_too_large_is_noticed_within_ten_steps(excess: float) -> None:
    u = GaussianRandomField().samples(line(128), seed=0, indices=range(8))
    limit = Burgers(line(128), viscosity=1e-3, dt=1.0).dt_max(u)
    assert march(Burgers(line(128), viscosity=1e-3, dt=excess * limit), u, 10)


def test_growth_names_its_cure() -> None:
    u = GaussianRandomField().samples(line(64), seed=0, indices=range(2))
    faults = Burgers(line(64), viscosity=0.1, dt=0.1).faults(u, u * torch.tensor([1.005, 1.02])[:, None, None])
    (mask,) = (mask for words, mask in faults.items() if "smaller dt or more substeps (see dt_max)" in words)
    assert mask.tolist() == [[False], [True]]


@pytest.mark.parametrize(("n", "resolved"), [(32, False), (64, False), (512, True), (511, True)])
def test_a_shock_that_the_grid_cannot_hold_is_noticed(n: int, resolved: bool) -> None:
    u = torch.from_numpy(initial(line(n).axes[0]))[None, None]
    found = march(Burgers(line(n), viscosity=3e-3, dt=0.05, substeps=100), u, 5)
    assert found == [] if resolved else "is not resolved by the grid" in found[0]


@pytest.mark.parametrize("viscosity", [0.0, -0.1, math.nan, math.inf])
def test_a_viscosity_that_is_not_positive_is_refused(viscosity: float) -> None:
    with pytest.raises(InputError, match="Expected a positive viscosity, got"):
        Burgers(line(8), viscosity=viscosity, dt=0.1)
    solver = Burgers(line(8), viscosity=0.1, dt=0.1)
    with pytest.raises(InputError, match="Expected a positive viscosity, got"):
        solver(torch.zeros(2, 1, 8), parameters=torch.tensor([[0.1], [viscosity]]))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"dt": 0.0}, "Expected a positive time step dt, got 0.0"),
        ({"dt": math.nan}, "Expected a positive time step dt, got nan"),
        ({"substeps": 0}, "Expected a whole number of substeps, at least 1, got 0"),
        ({"dtype": torch.int64}, "Expected dtype torch.float64 or torch.float32, got torch.int64"),
        ({"dtype": torch.float16}, "Expected dtype torch.float64 or torch.float32, got torch.float16"),
        ({"grid": Grid((8,))}, "Expected a periodic grid"),
        ({"grid": Grid((8, 8), periodic=True)}, "Expected a grid of one dimension"),
    ],
)
def test_wrong_settings_are_refused(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Burgers(**{"grid": line(8), "viscosity": 0.1, "dt": 0.1} | kwargs)
