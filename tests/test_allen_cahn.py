"""Allen-Cahn equation: fronts that travel and interfaces that rest."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import AllenCahn


def line(n: int, length: float) -> Grid:
    return Grid((n,), extent=((-length / 2, length / 2),), periodic=True)


def points(grid: Grid) -> Tensor:
    return torch.as_tensor(grid.axes[0])[None, None]


@pytest.mark.parametrize(("diffusivity", "rate"), [(1.0, 1.0), (0.5, 2.0)])
def test_a_front_invades_the_unstable_state_at_its_speed(diffusivity: float, rate: float) -> None:
    r"""Test 1/(1 + e^-z), z = (x + 3 sqrt(r D / 2) t) sqrt(r / 2 D), and its mirror image, 60 widths apart.

    They miss each other by e^-30 at the ends of the period, the unstable state lets that grow to e^-29.
    """
    width, time = math.sqrt(2 * diffusivity / rate), 1 / rate
    grid = line(768, 120.0 * width)
    solver = AllenCahn(grid, diffusivity=diffusivity, rate=rate, dt=time, substeps=500)

    def island(half: float) -> Tensor:
        return ((points(grid) + half) / width).sigmoid() * ((half - points(grid)) / width).sigmoid()

    moved = island(30 * width + 3 * math.sqrt(rate * diffusivity / 2) * time)
    assert solver(island(30 * width)).numpy() == pytest.approx(moved.numpy(), abs=1e-10)


def test_an_interface_is_at_rest() -> None:
    grid = line(1024, 2.0)
    thickness = math.sqrt(2 * 2e-3 / 5.0)
    u = torch.tanh((points(grid) + 0.5) / thickness) * torch.tanh((0.5 - points(grid)) / thickness)
    assert AllenCahn(grid, diffusivity=2e-3, rate=5.0, dt=1.0, substeps=50)(u).numpy() == pytest.approx(
        u.numpy(), abs=1e-11
    )  # the spectrum of tanh at the last mode that is kept, e^(-pi k thickness / 2), is e^-36


def test_small_amplitudes_grow_at_the_linear_rate() -> None:
    grid = line(64, 1.0)
    k = 2 * math.pi * torch.arange(15, dtype=torch.float64)
    modes = torch.cos(k[:, None] * points(grid)[0])[:, None]
    solver = AllenCahn(grid, diffusivity=1e-3, rate=5.0, dt=0.3)
    growth = torch.exp((5.0 - 1e-3 * k**2) * 0.3)[:, None, None]
    assert (solver(1e-8 * modes) / 1e-8).numpy() == pytest.approx((growth * modes).numpy(), abs=1e-11)


@pytest.mark.parametrize("name", ["diffusivity", "rate"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_coefficients_that_are_not_positive_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"Expected a positive {name}, got"):
        AllenCahn(line(8, 1.0), **{"diffusivity": 1.0, "dt": 0.1, name: value})
    solver = AllenCahn(line(8, 1.0), diffusivity=1.0, dt=0.1)
    rows = torch.tensor([[1.0, 1.0], [value, 1.0] if name == "diffusivity" else [1.0, value]])
    with pytest.raises(InputError, match=f"Expected a positive {name}, got"):
        solver(torch.zeros(2, 1, 8), parameters=rows)
