"""Nonlinear Schrödinger equation: plane waves, solitons, modulational instability, the Hamiltonian."""

from __future__ import annotations

import cmath
import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import NonlinearSchrodinger


def line(n: int, length: float) -> Grid:
    return Grid((n,), extent=((-length / 2, length / 2),), periodic=True)


def points(grid: Grid) -> Tensor:
    return torch.as_tensor(grid.axes[0])


def fields(psi: Tensor) -> Tensor:
    return torch.stack([psi.real, psi.imag])[None]


def soliton(x: Tensor, time: float, height: float = 1.2, speed: float = 0.7) -> Tensor:
    """Return that of i psi_t + psi_xx / 2 + |psi|^2 psi = 0."""
    phase = speed * x + (height**2 - speed**2) / 2 * time
    return height / torch.cosh(height * (x - speed * time)) * torch.exp(1j * phase)


@pytest.mark.parametrize("n", [64, 63])
@pytest.mark.parametrize("mode", [-3, 0, 5])
@pytest.mark.parametrize(("dispersion", "nonlinearity"), [(0.5, 1.0), (0.5, -1.0), (-1.0, 2.0)])
def test_plane_waves_turn_at_their_frequency(n: int, mode: int, dispersion: float, nonlinearity: float) -> None:
    """Test a e^(i (k x - w t)) with w = d k^2 - g a^2."""
    grid, amplitude, time = line(n, 2 * math.pi), 0.8, 0.5
    wave = amplitude * torch.exp(1j * mode * points(grid))
    turned = wave * cmath.exp(-1j * (dispersion * mode**2 - nonlinearity * amplitude**2) * time)
    solver = NonlinearSchrodinger(grid, dispersion=dispersion, nonlinearity=nonlinearity, dt=time, substeps=1000)
    assert solver(fields(wave)).numpy() == pytest.approx(fields(turned).numpy(), abs=1e-10)


def test_a_soliton_travels_and_turns_with_fourth_order() -> None:
    grid = line(640, 50.0)  # tails e^-30, spectrum at the last mode that is kept e^-26
    x, time = points(grid), 2.0
    start, exact = fields(soliton(x, 0.0)), fields(soliton(x, time))
    errors = [
        (NonlinearSchrodinger(grid, dt=time, substeps=n)(start) - exact).abs().max().item() for n in (100, 200, 400)
    ]
    assert [math.log2(a / b) for a, b in pairwise(errors)] == pytest.approx([4, 4], abs=0.1)
    assert NonlinearSchrodinger(grid, dt=time, substeps=3000)(start).numpy() == pytest.approx(exact.numpy(), abs=1e-10)


def test_a_plane_wave_is_unstable_to_modulation_at_the_known_rate() -> None:
    """Test the rate |q| sqrt(d (2 g a^2 - d q^2)) of the mode q on a wave of amplitude a."""
    grid, q, d, g, a = line(64, 2 * math.pi), 1.0, 0.5, 1.0, 1.0
    rate = q * math.sqrt(d * (2 * g * a**2 - d * q**2))
    small, time = 1e-7, 2.0
    # psi = (a + r + i s) e^(i g a^2 t): r' = d q^2 s, s' = (2 g a^2 - d q^2) r, so that s = rate / (d q^2) r grows
    growing = (1 + 1j * rate / (d * q**2)) * torch.cos(q * points(grid))
    solver = NonlinearSchrodinger(grid, dispersion=d, nonlinearity=g, dt=time, substeps=1000)
    turn = cmath.exp(1j * g * a**2 * time)
    exact = fields((a + small * math.exp(rate * time) * growing) * turn)
    assert solver(fields(a + small * growing)).numpy() == pytest.approx(exact.numpy(), abs=3e-11)  # (small e^2)^2 and g


def test_the_hamiltonian_is_conserved_with_the_accuracy_of_the_scheme() -> None:
    grid = line(640, 50.0)
    k = 2 * math.pi * torch.fft.fftfreq(640, 50.0 / 640, dtype=torch.float64)

    def hamiltonian(state: Tensor) -> float:
        psi = torch.complex(state[0, 0], state[0, 1])
        slope = torch.fft.ifft(1j * k * torch.fft.fft(psi))
        return (slope.abs().square() / 2 - psi.abs() ** 4 / 2).mean().item()

    start = fields(soliton(points(grid) + 5, 0.0) + soliton(points(grid) - 5, 0.0, 0.9, -0.5))
    drifts = []
    for substeps in (800, 1600):
        end = NonlinearSchrodinger(grid, dt=6.0, substeps=substeps)(start)
        drifts.append(abs(hamiltonian(end) / hamiltonian(start) - 1))
    assert math.log2(drifts[0] / drifts[1]) == pytest.approx(4, abs=0.4)  # 3.7, 3.9 for the next halving
    assert drifts[1] < 1e-7


@pytest.mark.parametrize("name", ["dispersion", "nonlinearity"])
def test_coefficients_that_are_not_finite_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"Expected a finite {name}, got"):
        NonlinearSchrodinger(line(8, 1.0), dt=0.1, **{name: math.inf})
