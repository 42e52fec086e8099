"""Fisher-KPP equation: the exact front, the logistic equation, growth of small states."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import FisherKPP


def line(n: int, length: float) -> Grid:
    return Grid((n,), extent=((-length / 2, length / 2),), periodic=True)


def points(grid: Grid) -> Tensor:
    return torch.as_tensor(grid.axes[0])[None, None]


@pytest.mark.parametrize(("diffusivity", "rate"), [(1.0, 1.0), (0.5, 2.0)])
def test_the_front_of_ablowitz_and_zeppetella(diffusivity: float, rate: float) -> None:
    r"""Test (1 + e^-z)^-2, z = (x + 5 sqrt(r D / 6) t) sqrt(r / 6 D), and its mirror image, 40 widths apart.

    They miss each other by e^-40 about u = 0, which may grow, and by 2 e^-40 about u = 1, which is stable.
    """
    width, time = math.sqrt(6 * diffusivity / rate), 2 / rate
    grid = line(512, 80.0 * width)
    solver = FisherKPP(grid, diffusivity=diffusivity, rate=rate, dt=time, substeps=400)

    def island(half: float) -> Tensor:
        return (((points(grid) + half) / width).sigmoid() * ((half - points(grid)) / width).sigmoid()).square()

    moved = island(20 * width + 5 * math.sqrt(rate * diffusivity / 6) * time)
    assert solver(island(20 * width)).numpy() == pytest.approx(moved.numpy(), abs=1e-11)


def test_without_space_it_is_the_logistic_equation() -> None:
    start = torch.tensor([0.01, 0.3, 1.0, 2.5], dtype=torch.float64)[:, None, None]
    solver = FisherKPP(line(9, 1.0), diffusivity=1.0, rate=1.5, dt=2.0, substeps=1000)
    exact = start / (start + (1 - start) * math.exp(-1.5 * 2.0))
    assert solver(start.expand(4, 1, 9)).numpy() == pytest.approx(exact.expand(4, 1, 9).numpy(), rel=1e-11)


def test_small_amplitudes_grow_at_the_linear_rate() -> None:
    grid = line(64, 1.0)
    k = 2 * math.pi * torch.arange(20, dtype=torch.float64)
    modes = torch.cos(k[:, None] * points(grid)[0])[:, None]
    solver = FisherKPP(grid, diffusivity=1e-3, rate=2.0, dt=0.3)
    growth = torch.exp((2.0 - 1e-3 * k**2) * 0.3)[:, None, None]
    assert (solver(1e-13 * modes) / 1e-13).numpy() == pytest.approx((growth * modes).numpy(), abs=1e-11)


@pytest.mark.parametrize("name", ["diffusivity", "rate"])
def test_coefficients_that_are_not_positive_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"Expected a positive {name}, got"):
        FisherKPP(line(8, 1.0), **{"diffusivity": 1.0, "dt": 0.1, name: -1.0})
