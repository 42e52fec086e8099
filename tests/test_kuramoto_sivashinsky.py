"""Kuramoto-Sivashinsky equation: linear growth, Burgers as a special case, energy, statistics of the attractor."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import Burgers, KuramotoSivashinsky
from surrogate.solvers.initial import GaussianRandomField


def line(n: int, length: float) -> Grid:
    return Grid((n,), extent=(length,), periodic=True)


def points(grid: Grid) -> Tensor:
    return torch.as_tensor(grid.axes[0])


def test_small_amplitudes_grow_and_decay_at_the_linear_rates() -> None:
    grid = line(33, 20.0)
    k = 2 * math.pi / 20.0 * torch.arange(11, dtype=torch.float64)
    modes = torch.cos(k[:, None] * points(grid) + 0.3)[:, None]
    amplitude, time = 1e-13, 0.5  # the nonlinear term is smaller by amplitude * wavenumber * time, 1e-13
    growth = torch.exp((1.5 * k**2 - 0.5 * k**4) * time)[:, None, None]
    solver = KuramotoSivashinsky(grid, antidiffusion=1.5, hyperdiffusion=0.5, dt=time)
    assert (solver(amplitude * modes) / amplitude).numpy() == pytest.approx((growth * modes).numpy(), abs=1e-11)


def test_with_diffusion_in_place_of_antidiffusion_it_is_burgers() -> None:
    grid = line(64, 1.0)
    u = 0.2 + GaussianRandomField(n_frequencies=8).samples(grid, seed=0, indices=range(3))
    burgers = Burgers(grid, viscosity=0.02, dt=0.1, substeps=10)
    special = KuramotoSivashinsky(grid, antidiffusion=-0.02, hyperdiffusion=1e-300, dt=0.1, substeps=10)
    assert torch.equal(special(u), burgers(u))


def test_a_moving_frame_only_translates() -> None:
    """Galilean invariance: u + c at x + c t."""
    grid = line(96, 32.0)
    u = torch.cos(2 * math.pi * points(grid) / 32)[None, None]
    solver = KuramotoSivashinsky(grid, dt=4.0, substeps=1000)
    moved = solver(u + 1.0) - 1.0
    assert moved.roll(-12, dims=-1).numpy() == pytest.approx(solver(u).numpy(), abs=1e-9)  # both errors in time


def test_the_energy_changes_by_what_antidiffusion_feeds_and_hyperdiffusion_takes() -> None:
    r"""Test :math:`\frac12 d\langle u^2 \rangle / dt = \langle u_x^2 \rangle - \langle u_{xx}^2 \rangle`."""
    grid, h = line(96, 32.0), 1e-3
    u = KuramotoSivashinsky(grid, dt=40.0, substeps=800)(torch.cos(2 * math.pi * points(grid) / 16)[None, None] + 0.1)
    solver = KuramotoSivashinsky(grid, dt=h)
    states = [u, solver(u), solver(solver(u))]
    rate = (states[2].square().mean() - states[0].square().mean()) / (4 * h)
    k = 2 * math.pi * torch.fft.rfftfreq(96, 32.0 / 96, dtype=torch.float64)
    first, second = (torch.fft.irfft((1j * k) ** order * torch.fft.rfft(states[1]), n=96) for order in (1, 2))
    balance = first.square().mean() - second.square().mean()
    assert rate.item() == pytest.approx(balance.item(), abs=1e-5)  # central differences: h^2 and a third derivative


@pytest.mark.slow
def test_errors_grow_at_the_published_lyapunov_exponent() -> None:
    """It is 0.048 at the length 22 (Cvitanovic, Davidchack & Siminos, SIAM J. Appl. Dyn. Syst. 9 (2010) 1)."""
    grid, size = line(72, 22.0), 1e-6
    solver = KuramotoSivashinsky(grid, dt=1.0, substeps=8)
    start = 10 * GaussianRandomField(n_frequencies=12).samples(grid, seed=0, indices=range(64))
    u = KuramotoSivashinsky(grid, dt=200.0, substeps=1600)(start)
    near, growth = u + size * torch.cos(2 * math.pi * points(grid) / 22.0), []
    for _ in range(500):
        u, near = solver(torch.cat([u, near])).chunk(2)
        distance = (near - u).flatten(1).norm(dim=1)
        near = u + size * (near - u) / distance[:, None, None]
        growth.append((distance / size).log())
    runs = torch.stack(growth[100:]).mean(0)
    uncertainty = runs.std().item() / math.sqrt(len(runs))
    assert runs.mean().item() == pytest.approx(0.048, abs=4 * uncertainty + 0.0005)  # the digits that are published


def test_wrong_coefficients_are_refused() -> None:
    with pytest.raises(InputError, match=r"Expected a positive hyperdiffusion, got \[-1.0\]"):
        KuramotoSivashinsky(line(8, 1.0), hyperdiffusion=-1.0, dt=0.1)
    with pytest.raises(InputError, match="Expected a finite convection, got"):
        KuramotoSivashinsky(line(8, 1.0), convection=math.inf, dt=0.1)
    with pytest.raises(InputError, match="Expected a periodic grid"):
        KuramotoSivashinsky(Grid((8,)), dt=0.1)
