"""Functions of velocities against flows in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import curl, dissipation, divergence, divergence_free, helicity, mean_kinetic_energy, pressure
from surrogate.solvers.initial import TaylorGreen

GRID = Grid((12, 13, 16), extent=(2 * math.pi,) * 3, periodic=True)
X, Y, Z = (2 * math.pi * GRID.unit_coordinates(dtype=torch.float64)).unbind(-1)
VORTICES = TaylorGreen().samples(GRID, seed=0, indices=[0])


def test_the_vorticity_of_taylor_and_green() -> None:
    exact = [-X.cos() * Y.sin() * Z.sin(), -X.sin() * Y.cos() * Z.sin(), 2 * X.sin() * Y.sin() * Z.cos()]
    assert curl(VORTICES, GRID)[0].numpy() == pytest.approx(torch.stack(exact).numpy(), abs=1e-14)
    assert mean_kinetic_energy(VORTICES).item() == pytest.approx(1 / 8)
    assert dissipation(VORTICES, GRID, torch.tensor([2.0])).item() == pytest.approx(2 * 3 / 4)
    assert helicity(VORTICES, GRID).item() == pytest.approx(0, abs=1e-15)


def test_the_pressure_of_taylor_and_green() -> None:
    exact = ((2 * X).cos() + (2 * Y).cos()) * ((2 * Z).cos() + 2) / 16
    assert pressure(VORTICES, GRID)[0, 0].numpy() == pytest.approx(exact.numpy(), abs=1e-15)


def test_a_field_is_parted_into_a_gradient_and_one_without_divergence() -> None:
    gradient = torch.stack([X.cos() * Y.sin(), X.sin() * Y.cos(), torch.zeros_like(Z)])[None]
    assert divergence(gradient, GRID)[0, 0].numpy() == pytest.approx((-2 * X.sin() * Y.sin()).numpy(), abs=1e-13)
    assert curl(gradient, GRID).abs().max() < 1e-13
    mixed = VORTICES + 0.3 * gradient + 2.0
    assert divergence_free(mixed, GRID).numpy() == pytest.approx((VORTICES + 2.0).numpy(), abs=1e-14)


def test_helicity_has_the_sign_of_the_rotation() -> None:
    right = torch.stack([Z.sin(), Z.cos(), torch.zeros_like(Z)])[None]
    assert helicity(right, GRID).item() == pytest.approx(1.0)
    assert helicity(right * torch.tensor([1.0, -1.0, 1.0])[:, None, None, None], GRID).item() == pytest.approx(-1.0)


def test_other_grids_are_refused() -> None:
    with pytest.raises(InputError, match="Expected a periodic grid"):
        curl(VORTICES, Grid(GRID.shape))
    with pytest.raises(InputError, match="Expected a grid of three dimensions"):
        divergence(VORTICES, Grid((4, 4), periodic=True))
