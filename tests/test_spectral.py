"""Fourier modes, the 2/3 rule and resampling, against sums written out, scipy and analytic fields."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.solvers.spectral import (
    energy_bands,
    frequencies,
    n_retained,
    require_periodic,
    retained,
    to_modes,
    to_points,
    wavenumbers,
)


def trigonometric(grid: Grid) -> Tensor:
    """Return a field with frequencies up to 2 along every axis, at the points of the grid."""
    u = torch.full(grid.shape, 0.3, dtype=torch.float64)
    axes = torch.meshgrid(*(torch.as_tensor(axis) for axis in grid.axes), indexing="ij")
    for number, (x, length) in enumerate(zip(axes, grid.lengths, strict=True)):
        angle = 2 * torch.pi * x / length
        u = u * (1 + torch.cos(2 * angle + number)) + torch.sin(angle - number)
    return u[None, None]


@pytest.mark.parametrize("n", [2, 3, 8, 9, 63, 64, 256])
def test_exactly_the_modes_below_a_third_are_retained(n: int) -> None:
    kept = [k for k in range(n // 2 + 1) if 3 * k < n]
    assert n_retained(n) == len(kept)
    assert retained((n,)).all()
    two_sided = retained((n, n))[:, 0]
    assert two_sided.sum() == 2 * len(kept) - 1
    assert frequencies((n, n))[0][two_sided].abs().max() == kept[-1]


@pytest.mark.parametrize("n", [9, 15, 16, 17])
def test_products_of_retained_modes_are_free_of_aliasing(n: int) -> None:
    kept = n_retained(n)
    modes = torch.randn(kept, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    modes[0] = modes[0].real.to(modes)
    u = to_points(modes, (n,))
    signed = torch.cat([modes.flip(0)[:-1].conj(), modes]).numpy() / n
    product = np.convolve(signed, signed)[2 * kept - 2 : 3 * kept - 2] * n
    assert to_modes(u.square(), 1).numpy() == pytest.approx(product, abs=1e-13)


def test_wavenumbers_differentiate() -> None:
    grid = Grid((16, 15), extent=((0.0, 2.0), (1.0, 4.0)), periodic=True)
    x, y = torch.meshgrid(*(torch.as_tensor(axis) for axis in grid.axes), indexing="ij")
    u = torch.sin(torch.pi * x) * torch.cos(4 * torch.pi / 3 * y)
    u_y = to_points(1j * wavenumbers(grid)[1] * to_modes(u, 2), grid.shape)
    assert u_y.numpy() == pytest.approx(
        (-4 * torch.pi / 3 * torch.sin(torch.pi * x) * torch.sin(4 * torch.pi / 3 * y)).numpy(), abs=1e-13
    )


def test_energy_bands_are_mean_squares() -> None:
    grid = Grid((31, 24), periodic=True)
    u = trigonometric(grid)
    modes = to_modes(u, 2)
    last, fluctuations = (energy_bands(grid.shape) * modes.abs().square()[0, 0]).flatten(1).sum(1)
    assert fluctuations.item() == pytest.approx(u.var(correction=0).item(), rel=1e-12)
    assert last.item() < 1e-28
    angle = 2 * torch.pi * 8 * torch.as_tensor(Grid((25,), periodic=True).axes[0])
    last, _ = energy_bands((25,)) @ to_modes(torch.cos(angle), 1).abs().square()
    assert last.item() == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("location", ["node", "cell"])
@pytest.mark.parametrize("new", [5, 6, 9, 16, 31])
@pytest.mark.parametrize("old", [5, 6, 12, 13])
def test_resampling_is_exact_for_band_limited_fields(old: int, new: int, location: str) -> None:
    for dim in (1, 2, 3):
        shape = (new, new + 1, new)[:dim]
        old_grid, new_grid = (
            Grid(s, extent=((0.0, 3.0),) * dim, periodic=True, location=location) for s in ((old,) * dim, shape)
        )
        resampled = resample_periodic(trigonometric(old_grid), shape, location=location)
        assert resampled == pytest.approx(trigonometric(new_grid), abs=1e-13)


@pytest.mark.parametrize(("old", "new"), [(8, 16), (16, 8), (9, 16), (16, 9), (8, 13), (13, 8), (8, 10), (10, 8)])
def test_resampling_any_samples_agrees_with_scipy(old: int, new: int) -> None:
    u = torch.randn(2, 3, old, dtype=torch.float64, generator=torch.Generator().manual_seed(old))
    assert resample_periodic(u, (new,)).numpy() == pytest.approx(signal.resample(u.numpy(), new, axis=-1), abs=1e-13)


@pytest.mark.parametrize("location", ["node", "cell"])
@pytest.mark.parametrize(("coarse", "fine"), [(8, 16), (8, 9), (7, 8), (7, 20)])
def test_refining_and_coarsening_again_changes_nothing(coarse: int, fine: int, location: str) -> None:
    u = torch.randn(1, 1, coarse, coarse, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    there = resample_periodic(u, (fine, fine), location=location)
    assert resample_periodic(there, (coarse, coarse), location=location) == pytest.approx(u, abs=1e-13)


def test_resampling_keeps_the_precision() -> None:
    u = trigonometric(Grid((8,), periodic=True)).float()
    assert resample_periodic(u, (16,)).dtype == torch.float32


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(InputError, match="Expected a shape of 1 axes, got"):
        resample_periodic(torch.zeros(1, 1, 8), (8, 8))
    with pytest.raises(InputError, match="Expected a periodic grid, got boundary"):
        require_periodic(Grid((8,)))
    with pytest.raises(InputError, match=r"a uniform periodic grid, got axes \('points',\). Fourier modes need"):
        require_periodic(Grid((2,), extent=(1.0,), periodic=True, stretching=([0.0, 0.3],)))
