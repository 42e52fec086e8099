"""Korteweg-de Vries equation: solitons, the Hamiltonian, linear dispersion."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import Dispersion, KdV


def line(n: int, length: float) -> Grid:
    return Grid((n,), extent=((-length / 2, length / 2),), periodic=True)


def points(grid: Grid) -> Tensor:
    return torch.as_tensor(grid.axes[0])[None, None]


def soliton(x: Tensor, speed: float, convection: float, dispersion: float) -> Tensor:
    return 3 * speed / convection / torch.cosh(math.sqrt(speed / dispersion) * x / 2).square()


def two_solitons(x: Tensor, time: float) -> Tensor:
    """Return Hirota's solution 2 (log F)_xx of u_t + 6 u u_x + u_xxx = 0 with wavenumbers 1.6 and 1."""
    k = torch.tensor([1.6, 1.0], dtype=torch.float64)[:, None, None, None]
    first, second = torch.exp(k * x - k**3 * time)
    a, b = k.flatten().tolist()
    both = ((a - b) / (a + b)) ** 2 * first * second
    f, f_x = 1 + first + second + both, a * first + b * second + (a + b) * both
    f_xx = a**2 * first + b**2 * second + (a + b) ** 2 * both
    return 2 * (f * f_xx - f_x**2) / f**2


def error(u: Tensor, exact: Tensor) -> float:
    return ((u - exact).abs().max() / exact.abs().max()).item()


@pytest.mark.parametrize(("convection", "dispersion", "speed"), [(6.0, 1.0, 2.0), (1.0, 0.5, 1.2), (-3.0, 1.0, 2.0)])
def test_a_soliton_keeps_its_shape_and_speed(convection: float, dispersion: float, speed: float) -> None:
    """Its tails, e^-28, and its spectrum at the last mode, e^-27, are far below the error in time."""
    grid = line(256, 40.0)
    solver = KdV(grid, convection=convection, dispersion=dispersion, dt=1.0, substeps=800)
    moved = soliton(points(grid) - speed, speed, convection, dispersion)
    assert error(solver(soliton(points(grid), speed, convection, dispersion)), moved) < 1e-9


def test_the_error_of_a_soliton_is_of_fourth_order() -> None:
    grid = line(256, 40.0)
    start, end = soliton(points(grid), 2.0, 6.0, 1.0), soliton(points(grid) - 2.0, 2.0, 6.0, 1.0)
    errors = [error(KdV(grid, dt=1.0, substeps=n)(start), end) for n in (100, 200, 400)]
    assert [math.log2(a / b) for a, b in pairwise(errors)] == pytest.approx([4, 4], abs=0.1)


def test_two_solitons_pass_through_each_other() -> None:
    grid = line(512, 80.0)
    solver = KdV(grid, dt=1.0, substeps=500)
    carry = solver.init(two_solitons(points(grid), -3.0))
    for time in range(-2, 4):
        carry, u = solver.step(carry)
        assert error(u, two_solitons(points(grid), float(time))) < 1e-8


def test_the_hamiltonian_is_conserved_with_the_accuracy_of_the_scheme() -> None:
    grid = line(256, 40.0)
    k = 2 * math.pi * torch.fft.rfftfreq(256, 40.0 / 256, dtype=torch.float64)

    def hamiltonian(u: Tensor) -> float:
        slope = torch.fft.irfft(1j * k * torch.fft.rfft(u), n=256)
        return (slope.square() / 2 - u**3).mean().item()

    u = soliton(points(grid) + 5, 4.0, 6.0, 1.0) + soliton(points(grid) - 5, 2.0, 6.0, 1.0)
    drifts = [abs(hamiltonian(KdV(grid, dt=2.0, substeps=n)(u)) / hamiltonian(u) - 1) for n in (200, 400)]
    assert drifts[1] < drifts[0] / 2**4 < 1e-5


def test_without_convection_it_is_linear_dispersion() -> None:
    grid = line(127, 40.0)
    u = torch.exp(-(points(grid) ** 2) / 8)  # below round-off at the last mode that is kept
    linear = Dispersion(grid, dispersion=1.0, dt=0.7)(u)
    assert KdV(grid, convection=0.0, dt=0.7)(u).numpy() == pytest.approx(linear.numpy(), abs=1e-13)


@pytest.mark.parametrize("name", ["convection", "dispersion"])
def test_coefficients_that_are_not_finite_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"Expected a finite {name}, got"):
        KdV(line(8, 1.0), dt=0.1, **{name: math.nan})


def test_a_grid_of_two_dimensions_is_refused() -> None:
    with pytest.raises(InputError, match="Expected a grid of one dimension"):
        KdV(Grid((8, 8), periodic=True), dt=0.1)
    with pytest.raises(InputError, match="Expected a periodic grid"):
        KdV(Grid((8,)), dt=0.1)
