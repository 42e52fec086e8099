"""Cahn-Hilliard equation: mass, free energy, interfaces at rest, spinodal decomposition."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import CahnHilliard
from surrogate.solvers.initial import GaussianRandomField


def line(n: int, length: float = 1.0) -> Grid:
    return Grid((n,), extent=((-length / 2, length / 2),), periodic=True)


def points(grid: Grid) -> Tensor:
    return torch.as_tensor(grid.axes[0])[None, None]


def free_energy(u: Tensor, gradient_energy: float) -> Tensor:
    """Return the mean free energy on the unit interval; the integrals of the trapezoidal rule are exact here."""
    n = u.shape[-1]
    k = 2 * math.pi * torch.fft.rfftfreq(n, 1 / n, dtype=torch.float64)
    slope = torch.fft.irfft(1j * k * torch.fft.rfft(u), n=n)
    return ((u**2 - 1).square() / 4 + gradient_energy * slope.square() / 2).mean(dim=(1, 2))


def test_a_mixture_separates_mass_is_conserved_and_the_free_energy_decays() -> None:
    grid = line(256)
    u = 0.1 + 0.1 * GaussianRandomField(n_frequencies=16).samples(grid, seed=0, indices=range(5))
    solver = CahnHilliard(grid, gradient_energy=1e-3, dt=1e-3, substeps=20)
    carry, energies = solver.init(u), [free_energy(u, 1e-3)]
    for _ in range(100):
        carry, state = solver.step(carry)
        energies.append(free_energy(state, 1e-3))
        assert state.mean(dim=(1, 2)).numpy() == pytest.approx(u.mean(dim=(1, 2)).numpy(), abs=1e-15)
    assert torch.stack(energies).diff(dim=0).max() < 1e-14  # decays until it is at rest, up to round-off
    assert (energies[-1] < 0.75 * energies[0]).all()
    assert ((state.amax(-1) - 1).abs() < 0.1).all()  # layers of some widths of an interface, 0.045, are not quite pure
    assert ((state.amin(-1) + 1).abs() < 0.1).all()


def test_the_energy_falls_at_the_rate_of_dissipation() -> None:
    r"""Test :math:`dE/dt = -M \langle \mu_x^2 \rangle` with the potential :math:`\mu = u^3 - u - \gamma u_{xx}`."""
    grid, h, gradient_energy, mobility = line(256), 1e-7, 2e-3, 3.0
    k = 2 * math.pi * torch.fft.rfftfreq(256, 1 / 256, dtype=torch.float64)
    u = 0.1 + 0.5 * torch.cos(2 * math.pi * points(grid)) + 0.2 * torch.sin(6 * math.pi * points(grid))
    solver = CahnHilliard(grid, gradient_energy=gradient_energy, mobility=mobility, dt=h)
    states = [u, solver(u), solver(solver(u))]
    first, _, last = (free_energy(state, gradient_energy) for state in states)
    potential = torch.fft.rfft(states[1] ** 3 - states[1]) + gradient_energy * k**2 * torch.fft.rfft(states[1])
    slope = torch.fft.irfft(1j * k * potential, n=256)
    assert ((last - first) / (2 * h)).item() == pytest.approx(-mobility * slope.square().mean().item(), rel=1e-6)


def test_interfaces_far_apart_are_at_rest() -> None:
    r"""Test :math:`\tanh (x / \sqrt{2 \gamma})`: two interfaces, 35 thicknesses apart."""
    grid, thickness = line(1024), 1 / 70
    u = torch.tanh((points(grid) + 0.25) / thickness) * torch.tanh((0.25 - points(grid)) / thickness)
    solver = CahnHilliard(grid, gradient_energy=thickness**2 / 2, dt=1e-3, substeps=20)
    assert solver(u).numpy() == pytest.approx(u.numpy(), abs=1e-9)


def test_spinodal_decomposition_has_the_linear_rates() -> None:
    grid = line(64)
    k = 2 * math.pi * torch.arange(15, dtype=torch.float64)
    modes = torch.cos(k[:, None] * points(grid)[0])[:, None]
    solver = CahnHilliard(grid, gradient_energy=1e-3, mobility=2.0, dt=1e-3)
    growth = torch.exp(2.0 * (k**2 - 1e-3 * k**4) * 1e-3)[:, None, None]
    assert (solver(1e-8 * modes) / 1e-8).numpy() == pytest.approx((growth * modes).numpy(), abs=1e-11)


@pytest.mark.parametrize("name", ["gradient_energy", "mobility"])
def test_coefficients_that_are_not_positive_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"Expected a positive {name}, got"):
        CahnHilliard(line(8), **{"gradient_energy": 1.0, "dt": 0.1, name: 0.0})
