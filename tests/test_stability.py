"""Largest stable steps against the known limits of the classical Runge-Kutta scheme."""

from __future__ import annotations

import math

import pytest
import torch

from surrogate.datasets.grid import Grid
from surrogate.solvers import Burgers
from surrogate.solvers.etdrk import ETDRK4
from surrogate.solvers.spectral import wavenumbers
from surrogate.solvers.stability import extremes, largest_step

RATIO = 2**0.25  # between the steps that are tried


@pytest.mark.parametrize(("rate", "limit"), [(1j, 2 * math.sqrt(2)), (-1.0, 2.785293563)], ids=["advection", "decay"])
def test_without_a_linear_part_the_limit_is_that_of_runge_kutta(rate: complex, limit: float) -> None:
    rates = 7.0 * torch.tensor([[[rate]]], dtype=torch.complex128)
    step = largest_step(torch.zeros(1, 1, 1, dtype=torch.float64), rates)
    assert limit / RATIO < 7.0 * step < 1.001 * limit


def test_growth_that_the_equation_has_is_no_instability() -> None:
    rates = torch.tensor([[[1.0]]], dtype=torch.float64)
    assert largest_step(torch.zeros(1, 1, 1, dtype=torch.float64), rates) > 1e3


def test_nothing_nonlinear_means_no_limit() -> None:
    assert largest_step(torch.zeros(1, 1, 4, dtype=torch.float64), torch.zeros(1, 1, 4)) == math.inf


def test_modes_within_the_step_are_damped_and_the_next_step_is_not() -> None:
    k = torch.arange(30, dtype=torch.float64)
    symbol, rates = (1j * k**3)[None, None], (-6j * k)[None, None]
    step = largest_step(symbol, rates)

    def growth(step: float) -> float:
        return ETDRK4.of(symbol, step)(torch.ones_like(symbol), lambda v: rates * v).abs().max().item()

    assert growth(step) <= 1.001 < growth(RATIO * step)


@pytest.mark.parametrize("viscosity", [1e-4, 1e-3, 0.01])
def test_the_formula_of_burgers_bounds_the_general_limit(viscosity: float) -> None:
    grid = Grid((128,), periodic=True)
    solver = Burgers(grid, viscosity=viscosity, dt=1.0)
    state = torch.full((1, 1, 128), 1.5, dtype=torch.float64)
    (k,) = wavenumbers(grid)
    general = largest_step(solver.symbol(solver.constants), -1j * k * extremes(state))
    assert solver.dt_max(state) / RATIO < general < 3 * solver.dt_max(state)  # a bound, sharp for weak diffusion


def test_extremes() -> None:
    state = torch.tensor([[[-3.0, 0.5]], [[0.25, 0.0]]])
    assert extremes(state).flatten().tolist() == [-3.0, 0.5]
    assert extremes(state, 1.0).flatten().tolist() == [-3.0, 1.0]
