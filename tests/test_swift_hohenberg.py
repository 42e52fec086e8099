"""Swift-Hohenberg equation: linear growth, the constant states, the free energy, the amplitude of stripes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import SwiftHohenberg
from surrogate.solvers.initial import GaussianRandomField

LENGTH = 8 * math.pi
PLANE = Grid((48, 40), extent=(LENGTH, LENGTH), periodic=True)


def free_energy(u: Tensor, drive: float, quadratic: float) -> Tensor:
    kx, ky = (2 * math.pi * torch.fft.fftfreq(n, LENGTH / n, dtype=torch.float64) for n in PLANE.shape)
    bent = torch.fft.ifft2((1 - kx[:, None] ** 2 - ky**2) * torch.fft.fft2(u)).real
    density = bent.square() / 2 - drive * u.square() / 2 - quadratic * u**3 / 3 + u**4 / 4
    return density.mean(dim=(1, 2, 3))


def test_small_waves_grow_at_the_linear_rates() -> None:
    x, y = torch.as_tensor(PLANE.axes[0])[:, None], torch.as_tensor(PLANE.axes[1])
    waves = [torch.cos(p / 4 * x + q / 4 * y + 0.3) for p, q in ((4, 0), (0, 4), (3, 3), (6, 1), (0, 0))]
    rates = [0.2 - (1 - (p**2 + q**2) / 16) ** 2 for p, q in ((4, 0), (0, 4), (3, 3), (6, 1), (0, 0))]
    u = 1e-14 * torch.stack([wave.expand(PLANE.shape) for wave in waves])[:, None]
    growth = torch.exp(0.7 * torch.tensor(rates, dtype=torch.float64))[:, None, None, None]
    new = SwiftHohenberg(PLANE, drive=0.2, quadratic=1.0, dt=0.7)(u)
    assert (new / 1e-14).numpy() == pytest.approx((growth * u / 1e-14).numpy(), abs=1e-12)


def test_constant_states_stay() -> None:
    r"""They solve :math:`r - 1 + g u - u^2 = 0`."""
    drive, quadratic = 1.25, 0.3
    u = torch.full((1, 1, *PLANE.shape), (quadratic + math.sqrt(quadratic**2 + 4 * (drive - 1))) / 2).double()
    u = u - (u.square() - quadratic * u - drive + 1) / (2 * u - quadratic)  # from float32
    assert SwiftHohenberg(PLANE, drive=drive, quadratic=quadratic, dt=0.5)(u).numpy() == pytest.approx(
        u.numpy(), abs=1e-14
    )


def test_the_free_energy_decays() -> None:
    axes = [
        GaussianRandomField(n_frequencies=6).samples(Grid((n,), periodic=True), seed=n, indices=[0]) for n in (48, 40)
    ]
    u = 3 * axes[0].reshape(1, 1, 48, 1) * axes[1].reshape(1, 1, 1, 40)
    solver = SwiftHohenberg(PLANE, drive=0.3, quadratic=0.8, dt=1.0, substeps=4)
    carry, energies = solver.init(u), []
    for _ in range(40):
        carry, state = solver.step(carry)
        energies.append(free_energy(state, 0.3, 0.8))
    assert torch.stack(energies).diff(dim=0).max() < 1e-14
    assert energies[-1] < -1e-3 < 0 < energies[0] + 1.0


def test_stripes_saturate_at_their_amplitude() -> None:
    r"""For small r the amplitude is :math:`2 \sqrt{r/3}`, but for terms of relative order r/64."""
    grid, drive = Grid((64,), extent=(LENGTH,), periodic=True), 0.01
    u = 0.1 * torch.cos(torch.as_tensor(grid.axes[0]))[None, None]
    new = SwiftHohenberg(grid, drive=drive, dt=2000.0, substeps=4000)(u)
    assert new.max().item() == pytest.approx(2 * math.sqrt(drive / 3), rel=2e-3)


def test_coefficients_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="Expected a finite drive, got"):
        SwiftHohenberg(PLANE, drive=math.nan, dt=0.1)
