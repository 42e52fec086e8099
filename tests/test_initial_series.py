"""Random series, sine waves and vortices against the statistics that define them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial import FourierSeries, SineWaves, TaylorGreen
from surrogate.solvers.initial.modes import half_space

COUNT = 2000
LINE = Grid((32,), extent=(3.0,), periodic=True)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_half_space_holds_one_of_each_pair_of_modes_and_grows_outward(dim: int) -> None:
    numbers = half_space(3, dim)
    both = np.concatenate([numbers, -numbers], axis=1).T
    assert len({tuple(mode) for mode in both.tolist()}) == numbers.shape[1] * 2 == 7**dim - 1
    assert abs(numbers).max() == 3
    assert np.array_equal(numbers[:, : half_space(2, dim).shape[1]], half_space(2, dim))


def test_a_series_has_a_flat_spectrum_and_unit_deviation() -> None:
    grid = Grid((12, 10), periodic=True)
    u = FourierSeries(2, maximum=None).samples(grid, seed=0, indices=range(COUNT))
    power = (torch.fft.fft2(u[:, 0]) / 120).abs().square()
    # The square of a complex normal variable is exponential: relative deviation 1 / sqrt(count), 24 within 4.5 of it.
    kept = torch.zeros(12, 10, dtype=torch.bool)
    kept[np.ix_([0, 1, 2, -1, -2], [0, 1, 2, -1, -2])] = True
    kept[0, 0] = False
    assert (power.mean(0)[kept] * 24 - 1).abs().max() < 4.5 / math.sqrt(COUNT)
    assert power[:, ~kept].max() < 1e-30


def test_a_series_is_scaled_to_its_maximum_and_shifted_by_its_offset() -> None:
    fine = Grid((960,), periodic=True)
    for maximum in (1.0, 2.5):
        u = FourierSeries(5, maximum).samples(fine, seed=3, indices=range(50))
        peaks = u.abs().amax((1, 2)) / maximum
        assert torch.all(peaks >= 1 - 1e-12)  # 960 points hold the 160 on which the samples are scaled
        assert torch.all(peaks < 1.005)
        assert u.mean(-1).abs().max() < 1e-15
    means = FourierSeries(5, offset=0.5).samples(LINE, seed=3, indices=range(COUNT)).mean((1, 2)).numpy()
    # The Kolmogorov-Smirnov distance to the uniform distribution exceeds 1.63 / sqrt(count) once in a hundred.
    steps = np.arange(1, COUNT + 1) / COUNT
    assert abs(np.sort(means) + 0.5 - steps).max() < 1.63 / math.sqrt(COUNT)


def test_sine_waves_have_the_spectrum_and_the_bound_of_the_definition() -> None:
    waves = SineWaves(n_waves=3, n_frequencies=5, amplitude=2.0)
    u = waves.samples(LINE, seed=1, indices=range(COUNT))
    modes = 2 * torch.fft.rfft(u[:, 0]) / 32
    assert modes[:, [0, *range(6, 17)]].abs().max() < 1e-14
    # Each of 3 waves falls on a mode with probability 1/5; the mean square of its amplitude is 4/3, its fourth 16/5.
    power = modes[:, 1:6].abs().square().mean(0)
    mean, fourth = 3 * 4 / 3 / 5, 3 / 5 * 16 / 5 + 3 * 2 / 25 * 2 * (4 / 3) ** 2
    assert (power - mean).abs().max() < 4 * math.sqrt((fourth - mean**2) / COUNT)
    phases = np.sort(modes[:, 1].angle().numpy()[modes[:, 1].abs() > 1e-9])
    steps = np.arange(1, len(phases) + 1) / len(phases)
    assert abs((phases / math.pi + 1) / 2 - steps).max() < 1.63 / math.sqrt(len(phases))
    assert u.abs().max() <= 6.0


def test_a_single_wave_is_a_sine_from_the_low_end_of_the_interval() -> None:
    rng = np.random.Generator(np.random.Philox(key=[0, 4]))
    number, amplitude, phase = rng.integers(1, 4, endpoint=True), rng.uniform(0, 1), rng.uniform(0, 2 * np.pi)
    grid = Grid((16,), extent=((-1.0, 2.0),), periodic=True)
    exact = amplitude * np.sin(2 * np.pi * number * (grid.axes[0] + 1) / 3 + phase)
    assert SineWaves(n_waves=1).sample(grid, seed=0, index=4)[0].numpy() == pytest.approx(exact, abs=1e-14)


@pytest.mark.parametrize("shape", [(16, 18), (16, 18, 20)])
@pytest.mark.parametrize("shifted", [False, True])
def test_vortices_have_no_divergence_and_the_energy_of_the_definition(shape: tuple[int, ...], shifted: bool) -> None:
    grid = Grid(shape, extent=(2.0, 3.0, 1.0)[: len(shape)], periodic=True)
    u = TaylorGreen(2.0, shifted).sample(grid, seed=0, index=1)
    k = [2 * math.pi / length * np.fft.fftfreq(n, 1 / n) for n, length in zip(shape, grid.lengths, strict=True)]
    modes = np.fft.fftn(u.numpy(), axes=range(1, 1 + grid.dim))
    divergence = sum(k[i].reshape(-1, *[1] * (grid.dim - 1 - i)) * modes[i] for i in range(grid.dim))
    assert abs(divergence).max() < 1e-11 * abs(modes).max()
    mean_squares = u.square().flatten(1).mean(1).tolist()
    share = 4 / 2**grid.dim  # A^2 times a mean square of 1/2 for each factor
    assert mean_squares == pytest.approx([share, share * 1.5**2, 0.0][: grid.dim], rel=1e-13)


def test_unshifted_vortices_are_those_of_taylor_and_green() -> None:
    grid = Grid((8, 8, 8), extent=(2 * math.pi,) * 3, periodic=True)
    x, y, z = np.meshgrid(*grid.axes, indexing="ij")
    exact = [np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), 0 * x]
    assert TaylorGreen().sample(grid, seed=0, index=0).numpy() == pytest.approx(np.stack(exact), abs=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FourierSeries(0), "Expected n_frequencies of at least 1, got 0"),
        (lambda: FourierSeries(maximum=-1.0), "Expected a positive maximum, got -1.0"),
        (lambda: FourierSeries(offset=-1.0), "Expected an offset of at least 0"),
        (lambda: SineWaves(0), "Expected n_waves and n_frequencies of at least 1"),
        (lambda: SineWaves(amplitude=0.0), "Expected a positive amplitude"),
        (lambda: TaylorGreen(amplitude=math.nan), "Expected a positive amplitude"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
