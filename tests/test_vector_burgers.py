"""Burgers equations for a velocity: Burgers on a line, Cole-Hopf in a plane, Galilean invariance."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import Burgers, VectorBurgers

PLANE = Grid((48, 60), extent=(1.0, 1.5), periodic=True)


def angles() -> tuple[Tensor, Tensor]:
    x, y = (
        2 * math.pi * torch.as_tensor(axis) / length for axis, length in zip(PLANE.axes, PLANE.lengths, strict=True)
    )
    return x[:, None].expand(PLANE.shape), y.expand(PLANE.shape)


def test_on_a_line_it_is_burgers() -> None:
    line = Grid((64,), periodic=True)
    u = (0.2 + torch.sin(2 * math.pi * torch.as_tensor(line.axes[0])))[None, None]
    special = Burgers(line, viscosity=0.02, dt=0.3, substeps=30)(u)
    assert VectorBurgers(line, viscosity=0.02, dt=0.3, substeps=30)(u).numpy() == pytest.approx(
        special.numpy(), abs=1e-14
    )


def cole_hopf(viscosity: float, time: float) -> Tensor:
    r"""Return :math:`u = -2 \nu \nabla \varphi / \varphi` for a solution of the heat equation, a sum of waves."""
    (p, q), (x, y) = (2 * math.pi / length for length in PLANE.lengths), angles()
    first, second = math.exp(-viscosity * p**2 * time), math.exp(-viscosity * (p**2 + q**2) * time)
    phi = 1 + 0.3 * first * torch.cos(x) + 0.2 * second * torch.sin(x + y)
    along_x = -0.3 * p * first * torch.sin(x) + 0.2 * p * second * torch.cos(x + y)
    along_y = 0.2 * q * second * torch.cos(x + y)
    return -2 * viscosity * torch.stack([along_x, along_y])[None] / phi


def test_flows_without_curl_are_those_of_cole_and_hopf() -> None:
    solver = VectorBurgers(PLANE, viscosity=0.05, dt=0.5, substeps=100)
    new = solver(cole_hopf(0.05, 0.0))
    assert new.numpy() == pytest.approx(cole_hopf(0.05, 0.5).numpy(), abs=1e-9)


def test_a_moving_frame_only_translates() -> None:
    x, y = angles()
    u = torch.stack([torch.sin(x + y), torch.cos(x) - torch.sin(y)])[None]
    frame = torch.tensor([0.5, -0.75], dtype=torch.float64)[:, None, None]
    solver = VectorBurgers(PLANE, viscosity=0.05, dt=0.5, substeps=200)
    moved = solver(u + frame) - frame
    assert moved.roll((-12, 15), dims=(-2, -1)).numpy() == pytest.approx(
        solver(u).numpy(), abs=1e-7
    )  # both errors in time


def test_gradients_flow() -> None:
    grid = Grid((6, 8), periodic=True)
    u = torch.rand(1, 2, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    viscosity = torch.tensor([[0.1]], dtype=torch.float64, requires_grad=True)
    solver = VectorBurgers(grid, viscosity=0.1, dt=0.1, substeps=2)
    assert torch.autograd.gradcheck(lambda u, viscosity: solver(u, parameters=viscosity), (u, viscosity))


def test_a_viscosity_that_is_not_positive_is_refused() -> None:
    with pytest.raises(InputError, match="Expected a positive viscosity, got"):
        VectorBurgers(PLANE, viscosity=0.0, dt=0.1)
