"""Random flows against the spectra, energies and speeds that define them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import divergence, helicity, kinetic_energy, mean_kinetic_energy, vorticity_from_velocity
from surrogate.solvers.initial import FilteredVelocity, McWilliams, Rogallo

TURN = 2 * math.pi


def power(u: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    """Return |k| of all modes and the power of fields ``(batch, channel, *space)``, summed over the channels."""
    modes = torch.fft.fftn(u, dim=tuple(range(2, 2 + grid.dim))) / math.prod(grid.shape)
    axes = [TURN / length * torch.fft.fftfreq(n, 1 / n) for n, length in zip(grid.shape, grid.lengths, strict=True)]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij")).norm(dim=0)
    return k.double(), modes.abs().square().sum(1)


def test_isotropic_velocities_have_the_spectrum_and_energy_of_the_definition_in_every_sample() -> None:
    grid = Grid((16, 18, 15), extent=(TURN, 5.0, 4.0), periodic=True)
    u = Rogallo(energy=0.7, peak_wavenumber=4.0, n_frequencies=5).samples(grid, seed=0, indices=range(3))
    assert mean_kinetic_energy(u).numpy() == pytest.approx(0.7, rel=1e-12)
    assert divergence(u, grid).abs().max() < 1e-12
    k, measured = power(u, grid)
    held = measured[0] > 1e-20
    assert held.sum() == 11**3 - 1
    ratio = k[held] / 4
    exact = torch.where(ratio <= 1, ratio**2, ratio ** (-5 / 3)) / ratio**2
    for sample in measured:
        assert (sample[held] / exact / (sample[held] / exact).mean() - 1).abs().max() < 1e-5  # frequencies in float32


def test_isotropic_velocities_are_isotropic_and_of_no_handedness() -> None:
    count, grid = 100, Grid((8, 8, 8), extent=(TURN,) * 3, periodic=True)
    u = Rogallo(energy=1.5, peak_wavenumber=2.0, n_frequencies=3).samples(grid, seed=1, indices=range(count))
    shares = u.square().flatten(2).mean(-1)
    assert ((shares.mean(0) - 1).abs() < 4 * shares.std(0) / math.sqrt(count)).all()
    assert abs(helicity(u, grid).mean()) < 4 * helicity(u, grid).std() / math.sqrt(count)
    at_a_point = u[:, :, 0, 0, 0]
    assert ((at_a_point**2).mean(0) - 1).abs().max() < 4 * math.sqrt(2 / count)
    assert (at_a_point.T @ at_a_point / count - torch.eye(3)).abs().max() < 4 * math.sqrt(2 / count)


def test_the_published_spectrum_peaks_at_wavenumber_three() -> None:
    published = Rogallo()
    k = np.array([1.0, 2.0, 3.0, 6.0])
    assert published.spectrum(k) == pytest.approx([1 / 9, 4 / 9, 1.0, 2 ** (-5 / 3)])
    # Re_lambda (viscosity k_d)^2 / sqrt(20/3) with Re_lambda = 84, k_d = 50, viscosity = k_d^(-4/3)
    assert published.energy == pytest.approx(84 * 50 ** (-2 / 3) / math.sqrt(20 / 3), rel=2e-3)


@pytest.mark.parametrize("lengths", [(TURN, TURN), (TURN, 4.0)])
def test_the_vorticity_of_mcwilliams_has_its_spectrum_and_energy(lengths: tuple[float, float]) -> None:
    count, grid = 400, Grid((15, 18), extent=lengths, periodic=True)
    vorticity = McWilliams(3.0, 1.5, 0.3, n_frequencies=6).samples(grid, seed=0, indices=range(count))
    assert kinetic_energy(vorticity, grid).numpy() == pytest.approx(0.3, rel=1e-12)
    k, measured = power(vorticity, grid)
    held = measured[0] > 1e-20
    assert held.sum() == 13**2 - 1
    stream = measured[:, held].mean(0) / k[held] ** 4
    ratio = stream * (k[held] * (1.5**2 + (k[held] / 3) ** 4))
    # Exponential variables: relative deviation 1 / sqrt(count), and of 84 pairs none beyond 4.5 of it.
    assert (ratio / ratio.mean() - 1).abs().max() < 4.5 / math.sqrt(count)


@pytest.mark.parametrize("shape", [(36, 40), (12, 14, 13)])
def test_filtered_velocities_have_no_divergence_and_the_largest_speed(shape: tuple[int, ...]) -> None:
    dim, count = len(shape), 60
    grid = Grid(shape, extent=(TURN,) * dim, periodic=True)
    field = FilteredVelocity(3.0, 2.0, n_frequencies=min(shape) // 2 - 1)
    u = field.samples(grid, seed=0, indices=range(count))
    fastest = u.norm(dim=1).flatten(1).amax(1)
    assert torch.all(fastest < 3.0 * 1.02)
    assert torch.all(fastest > 3.0 * 0.85)  # between the points of this grid
    modes = torch.fft.fftn(u, dim=tuple(range(2, 2 + dim)))
    axes = torch.meshgrid(*[torch.fft.fftfreq(n, 1 / n, dtype=torch.float64) for n in shape], indexing="ij")
    assert (torch.stack(axes) * modes).sum(1).abs().max() < 1e-10 * modes.abs().max()
    k, measured = power(u, grid)
    shells = [(k > radius - 0.5) & (k <= radius + 0.5) for radius in (1, 2, 3, 4)]
    mean = torch.stack([measured[:, shell].mean() for shell in shells])
    exact = torch.stack([torch.from_numpy(field.filter(k[shell].numpy(), dim) ** 2).mean() for shell in shells])
    # Each shell holds 2 pairs of modes or more, in 60 samples: relative deviation below 1 / sqrt(120); twice as each
    # sample is scaled by itself.
    assert (mean / mean.sum() * exact.sum() / exact - 1).abs().max() < 0.4


def test_the_density_of_the_filter_peaks_at_its_wavenumber() -> None:
    k = np.linspace(0.5, 20, 4000)
    density = FilteredVelocity(peak_wavenumber=4.0).filter(k, 2) * k
    assert k[density.argmax()] == pytest.approx(4.0, abs=0.01)


def test_vorticity_of_a_velocity_enters_a_plane_solver() -> None:
    grid = Grid((32, 32), extent=(TURN, TURN), periodic=True)
    u = FilteredVelocity(n_frequencies=12).samples(grid, seed=0, indices=[0])
    energy = kinetic_energy(vorticity_from_velocity(u, grid), grid)
    assert energy.item() == pytest.approx(u.square().sum(1).mean().item() / 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rogallo(energy=0.0), "Expected a positive energy and peak_wavenumber"),
        (lambda: Rogallo(n_frequencies=0), "Expected n_frequencies of at least 1"),
        (lambda: McWilliams(tau=-1.0), "Expected a positive peak_wavenumber, tau and energy"),
        (lambda: McWilliams(n_frequencies=0), "Expected n_frequencies of at least 1"),
        (lambda: FilteredVelocity(maximum_velocity=0.0), "Expected a positive maximum_velocity and peak_wavenumber"),
        (lambda: FilteredVelocity(n_frequencies=0), "Expected n_frequencies of at least 1"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
