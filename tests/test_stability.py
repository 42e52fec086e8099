"""Largest stable steps against the known limits of the classical Runge-Kutta scheme."""

from __future__ import annotations

import math

import pytest
import torch

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.etdrk import ETDRK1, ETDRK3, ETDRK4
from surrogate.solvers.schemes import Scheme
from surrogate.solvers.spectral import wavenumbers
from surrogate.solvers.stability import advective_step, extremes, largest_step

RATIO = 2**0.25  # between the steps that are tried


@pytest.mark.parametrize(
    ("scheme", "rate", "limit"),
    [
        (ETDRK4, 1j, 2 * math.sqrt(2)),
        (ETDRK4, -1.0, 2.785293563),
        (ETDRK3, 1j, math.sqrt(3)),
        (ETDRK3, -1.0, 2.512745327),
        (ETDRK1, -1.0, 2.0),
    ],
)
def test_without_a_linear_part_the_limit_is_that_of_runge_kutta(
    scheme: type[Scheme], rate: complex, limit: float
) -> None:
    rates = 7.0 * torch.tensor([[[rate]]], dtype=torch.complex128)
    step = largest_step(torch.zeros(1, 1, 1, dtype=torch.float64), rates, scheme)
    assert limit / RATIO < 7.0 * step < 1.001 * limit


def test_growth_that_the_equation_has_is_no_instability() -> None:
    rates = torch.tensor([[[1.0]]], dtype=torch.float64)
    assert largest_step(torch.zeros(1, 1, 1, dtype=torch.float64), rates, ETDRK4) > 1e3


def test_nothing_nonlinear_means_no_limit() -> None:
    assert largest_step(torch.zeros(1, 1, 4, dtype=torch.float64), torch.zeros(1, 1, 4), ETDRK4) == math.inf


def test_modes_within_the_step_are_damped_and_the_next_step_is_not() -> None:
    k = torch.arange(30, dtype=torch.float64)
    symbol, rates = (1j * k**3)[None, None], (-6j * k)[None, None]
    step = largest_step(symbol, rates, ETDRK4)

    def growth(step: float) -> float:
        return ETDRK4.of(symbol, step)(torch.ones_like(symbol), lambda v: rates * v).abs().max().item()

    assert growth(step) <= 1.001 < growth(RATIO * step)


@pytest.mark.parametrize("viscosity", [1e-4, 1e-3, 0.01])
def test_the_step_for_advection_is_that_of_the_fastest_mode_that_diffusion_does_not_stabilize(viscosity: float) -> None:
    """ETDRK4 is stable for |u| k h < max(2.83, viscosity k^2 h / sqrt(2)), hence beyond k = sqrt(2) |u| / viscosity."""
    grid, speed = Grid((128,), periodic=True), 1.5
    state = torch.full((1, 1, 128), speed, dtype=torch.float64)
    step = advective_step(state, grid, lambda k: -viscosity * k**2, ETDRK4)
    last = wavenumbers(grid)[0][-1].item()
    bound = 2.83 / (speed * min(last, math.sqrt(2) * speed / viscosity))
    assert bound / RATIO < step < 3 * bound  # a bound, sharp for weak diffusion


def test_the_step_for_advection_holds_for_every_mode_of_a_plane() -> None:
    grid = Grid((24, 36), extent=(1.0, 3.0), periodic=True)
    u = torch.tensor([0.3, -2.0], dtype=torch.float64)
    step = advective_step(u[None, :, None, None].expand(1, 2, 24, 36), grid, lambda k: -1e-3 * k**2 - 0.1, ETDRK4)
    kx, ky = wavenumbers(grid)
    general = largest_step(-1e-3 * (kx**2 + ky**2) - 0.1, -1j * (kx * u[0] + ky * u[1]), ETDRK4)
    assert general / 1.5 < step < RATIO * general


def test_extremes() -> None:
    state = torch.tensor([[[-3.0, 0.5]], [[0.25, 0.0]]])
    assert extremes(state).flatten().tolist() == [-3.0, 0.5]
    assert extremes(state, 1.0).flatten().tolist() == [-3.0, 1.0]
