"""Kuramoto-Sivashinsky equation for the potential: its slope in one dimension, planes, axes that are alike."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import KuramotoSivashinsky, KuramotoSivashinskyPotential


def slope(u: Tensor, length: float) -> Tensor:
    n = u.shape[-1]
    k = 2 * math.pi * torch.fft.rfftfreq(n, length / n, dtype=torch.float64)
    return torch.fft.irfft(1j * k * torch.fft.rfft(u), n=n)


def profile(grid: Grid) -> Tensor:
    x = 2 * math.pi * torch.as_tensor(grid.axes[0]) / grid.lengths[0]
    return (1.5 * torch.cos(2 * x) + torch.sin(3 * x + 0.4) + 0.3)[None, None]


def test_the_slope_on_a_line_solves_the_equation_of_the_velocity() -> None:
    grid = Grid((96,), extent=(32.0,), periodic=True)
    u = profile(grid)
    heights = KuramotoSivashinskyPotential(grid, convection=0.8, dt=10.0, substeps=400)(u)
    velocity = KuramotoSivashinsky(grid, convection=0.8, dt=10.0, substeps=400)(slope(u, 32.0))
    assert slope(heights, 32.0).numpy() == pytest.approx(velocity.numpy(), abs=1e-12)
    assert heights.mean().item() == pytest.approx(0.3, abs=1e-15)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_front_that_varies_along_one_axis_is_that_of_a_line(axis: int) -> None:
    line, lengths, shape = Grid((64,), extent=(20.0,), periodic=True), [11.0, 11.0], [9, 9]
    lengths[axis], shape[axis] = 20.0, 64
    plane = Grid(tuple(shape), extent=tuple(lengths), periodic=True)
    u = profile(line)
    there = (u[..., None] if axis == 0 else u[:, :, None]).expand(1, 1, *shape)
    alone = KuramotoSivashinskyPotential(line, dt=2.0, substeps=80)(u)
    both = KuramotoSivashinskyPotential(plane, dt=2.0, substeps=80)(there)
    assert both.numpy() == pytest.approx(
        (alone[..., None] if axis == 0 else alone[:, :, None]).expand(1, 1, *shape).numpy(), abs=1e-12
    )


def test_the_mean_that_is_left_out_would_fall_by_half_the_mean_square_of_the_slope() -> None:
    """Written out on the points: the right-hand side minus its mean is what the solver follows."""
    grid, h = Grid((36, 30), extent=(12.0, 10.0), periodic=True), 1e-5
    x, y = torch.as_tensor(grid.axes[0])[:, None] * math.pi / 6, torch.as_tensor(grid.axes[1]) * math.pi / 5
    u = torch.cos(x) + torch.sin(x + y)
    p, q = math.pi / 6, math.pi / 5
    squares = (-p * torch.sin(x) + p * torch.cos(x + y)) ** 2 + (q * torch.cos(x + y)) ** 2
    linear = (p**2 - p**4) * torch.cos(x) + (p**2 + q**2 - (p**2 + q**2) ** 2) * torch.sin(x + y)
    rate = linear - (squares - squares.mean()) / 2
    forward, backward = (
        KuramotoSivashinskyPotential(grid, dt=h, convection=sign, antidiffusion=sign, hyperdiffusion=1.0)
        for sign in (1.0, 1.0)
    )
    new = forward(u[None, None])
    newer = backward(new)
    assert ((newer - u) / (2 * h)).numpy() == pytest.approx(rate[None, None].numpy(), abs=1e-4)  # first order in h


def test_wrong_coefficients_are_refused() -> None:
    with pytest.raises(InputError, match="Expected a positive hyperdiffusion, got"):
        KuramotoSivashinskyPotential(Grid((8, 8), periodic=True), hyperdiffusion=0.0, dt=0.1)
