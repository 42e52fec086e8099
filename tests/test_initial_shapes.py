"""Solitons against the equation they solve, blobs against their Fourier transform."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import KdV
from surrogate.solvers.initial import GaussianBlobs, Solitons

LINE = Grid((256,), extent=((-5.0, 35.0),), periodic=True)


def test_one_soliton_is_the_square_of_a_secant() -> None:
    u = Solitons((4.0,), (0.5,), shifted=False, convection=3.0, dispersion=0.5).sample(LINE, seed=0, index=0)
    exact = 3 * 4 / 3 / np.cosh(math.sqrt(4 / 0.5) / 2 * (LINE.axes[0] - 15)) ** 2
    assert u[0].numpy() == pytest.approx(exact, abs=1e-14)


@pytest.mark.parametrize(
    "solitons",
    [
        Solitons((3.5,), spread=0.1),
        Solitons((4.0, 1.5), (0.4, 0.5)),
        Solitons((3.5, 1.8), (0.4, 0.5), spread=0.1, convection=-2.0),
        Solitons((4.0, 2.5, 1.5), (0.4, 0.48, 0.55)),
    ],
    ids=["one", "two", "negative", "three"],
)
def test_solitons_pass_each_other_as_the_equation_has_it(solitons: Solitons) -> None:
    """The faster overtake the slower within the time. The error is that of the time step; at half of it 1/16."""
    solver = KdV(LINE, dt=0.5, substeps=250, convection=solitons.convection, dispersion=solitons.dispersion)
    carry = solver.init(solitons.samples(LINE, seed=0, indices=[3]))
    for _ in range(6):
        carry, u = solver.step(carry)
    exact = solitons.solution(LINE, 3.0, seed=0, index=3)
    assert (u[0] - exact).abs().max() < 1e-6 * exact.abs().max()


def test_a_blob_has_the_transform_of_a_gaussian() -> None:
    grid = Grid((48, 60), extent=(1.0, 1.5), periodic=True)
    u = GaussianBlobs(1, (0.08, 0.08), (2.0, 2.0)).sample(grid, seed=0, index=5)
    modes = np.abs(np.fft.fft2(u[0].numpy())) / u[0].numel()
    k = [2 * np.pi * np.fft.fftfreq(n, length / n) for n, length in zip(grid.shape, grid.lengths, strict=True)]
    exact = 2 * 2 * np.pi * 0.08**2 / 1.5 * np.exp(-(0.08**2) * (k[0][:, None] ** 2 + k[1] ** 2) / 2)
    assert modes == pytest.approx(exact, abs=1e-15)


def test_centers_widths_and_amplitudes_are_uniform() -> None:
    count, grid = 2000, Grid((64,), periodic=True)
    u = GaussianBlobs(1, (0.04, 0.08), (1.0, 3.0)).samples(grid, seed=0, indices=range(count))[:, 0]
    modes = torch.fft.rfft(u) / 64
    places = -(modes[:, 1].angle() / (2 * math.pi))
    wide = (torch.log(modes[:, 0].abs() / modes[:, 2].abs()) / 2).sqrt() / (2 * math.pi)
    high = modes[:, 0].abs() / (math.sqrt(2 * math.pi) * wide)
    steps = torch.arange(1, count + 1) / count
    for drawn, low, top in ((places, -0.5, 0.5), (wide, 0.04, 0.08), (high, 1.0, 3.0)):
        # The Kolmogorov-Smirnov distance exceeds 1.63 / sqrt(count) once in a hundred.
        assert ((drawn.sort().values - low) / (top - low) - steps).abs().max() < 1.63 / math.sqrt(count)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Solitons((1.0,), (0.1, 0.2)), "Expected one position for each speed"),
        (lambda: Solitons((-1.0,)), "Expected speeds of the sign of the dispersion"),
        (lambda: Solitons(spread=1.0), "Expected a spread from 0 to 1"),
        (lambda: Solitons((2.0, 2.0), (0.1, 0.2)), "Expected speeds that differ"),
        (lambda: Solitons((2.0, 2.1), (0.1, 0.2), spread=0.1), "Expected speeds that differ"),
        (lambda: GaussianBlobs(0), "Expected n_blobs of at least 1"),
        (lambda: GaussianBlobs(width=(0.1, 0.01)), "Expected a range of widths"),
        (lambda: GaussianBlobs(amplitude=(1.0, 0.0)), "Expected a range of amplitudes"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
