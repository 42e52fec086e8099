"""Objectives against hand values and analytic modes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from surrogate import Grid, InputError, objectives
from surrogate.training.objectives.derivatives import gradient


def test_relative_l2_by_hand() -> None:
    target = torch.tensor([[[3.0, 4.0]], [[0.0, 2.0]]])
    prediction = torch.tensor([[[3.0, 5.0]], [[1.5, 0.0]]])
    loss = objectives.RelativeL2()(prediction, target, Grid(shape=(2,)))
    assert loss.tolist() == pytest.approx([1 / 5, 2.5 / 2], rel=1e-6)  # single precision


def test_relative_l2_takes_channels_together() -> None:
    target = torch.tensor([[[3.0, 0.0], [0.0, 4.0]]])
    prediction = target + torch.tensor([[[0.0, 1.0], [0.0, 0.0]]])
    assert objectives.RelativeL2()(prediction, target, Grid(shape=(2,))).tolist() == pytest.approx([0.2], rel=1e-6)


@pytest.mark.parametrize("n", [16, 17])
@pytest.mark.parametrize("location", ["node", "cell"])
def test_the_spectral_gradient_of_every_resolved_mode_is_exact(n: int, location: str) -> None:
    grid = Grid(shape=(n, n + 2), extent=((-1.0, 2.0), 5.0), periodic=True, location=location)
    x, y = np.meshgrid(*grid.axes, indexing="ij")
    for kx, ky in [(1, 0), (0, 1), (3, -2), (-3, -2), (-5, 4), ((n - 1) // 2, 2), (1, n // 2)]:
        a, b = 2 * math.pi * kx / 3.0, 2 * math.pi * ky / 5.0
        frames = torch.tensor(np.sin(a * x + b * y + 0.4))[None, None]
        exact = np.stack([a * np.cos(a * x + b * y + 0.4), b * np.cos(a * x + b * y + 0.4)])
        # round-off of a transform of n points, times the largest wavenumber
        np.testing.assert_allclose(gradient(frames, grid)[0], exact, rtol=0, atol=1e-14 * n * math.pi * n)


def test_the_nyquist_mode_has_no_gradient_on_the_grid() -> None:
    frames = torch.tensor([1.0, -1.0] * 4, dtype=torch.float64)[None, None]
    assert gradient(frames, Grid(shape=(8,), periodic=True)).abs().max() == 0


@pytest.mark.parametrize("location", ["node", "cell"])
def test_differences_on_closed_axes_are_of_second_order_with_the_true_spacing(location: str) -> None:
    errors = []
    for n in (41, 81):
        grid = Grid(shape=(n, 5), extent=((1.0, 3.0), 7.0), location=location)
        x, y = (torch.tensor(axis) for axis in np.meshgrid(*grid.axes, indexing="ij"))
        found = gradient((torch.sin(2 * x) + y**2)[None, None], grid)[0]
        torch.testing.assert_close(found[1], 2 * y, rtol=1e-12, atol=1e-12)  # exact for squares
        errors.append((found[0] - 2 * torch.cos(2 * x)).abs().max().item())
    ratio = (80 / 40 if location == "node" else 81 / 41) ** 2
    assert errors[0] / errors[1] == pytest.approx(ratio, rel=0.06)  # up to the next order in h = 1/20


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("location", ["node", "cell"])
def test_differences_on_stretched_axes_are_of_second_order(periodic: bool, location: str) -> None:
    errors = []
    for n in (40, 80):
        fraction = np.arange(n + (location == "cell")) / (n if periodic or location == "cell" else n - 1)
        points = fraction + 0.1 * np.sin(2 * np.pi * fraction)
        grid = Grid((n, 5), (1.0, 7.0), periodic=periodic, location=location, stretching=(points, "uniform"))
        x = torch.tensor(grid.axes[0])[:, None].expand(n, 5)
        found = gradient(torch.sin(2 * math.pi * x)[None, None], grid)[0, 0]
        errors.append((found - 2 * math.pi * torch.cos(2 * math.pi * x)).abs().max().item())
    # one-sided differences at closed ends, whose next term is of order three with large derivatives
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("objective", [objectives.RelativeL2(), objectives.MeanSquare(), objectives.H1(weight=0.5)])
def test_norms_on_stretched_axes_are_integrals(objective: objectives.Objective) -> None:
    """Quadrature on 9 Chebyshev nodes is exact for the squares of x, x^2 and their derivatives; y counts as ever."""
    grid = Grid((9, 4), extent=((0.0, 1.0), 1.0), stretching=("chebyshev", "uniform"))
    x = torch.tensor(grid.axes[0])[:, None].expand(9, 4)[None, None]
    exact = {
        objectives.RelativeL2: math.sqrt(3 / 5),  # int x^4 = 1/5 over int x^2 = 1/3
        objectives.MeanSquare: 1 / 5,
        objectives.H1: math.sqrt(3 / 5) + 0.5 * math.sqrt(4 / 3),  # int (2 x)^2 = 4/3 over int 1
    }
    loss = objective(x + x**2, x, grid)
    assert loss.item() == pytest.approx(exact[type(objective)], rel=1e-13)


def test_h1_of_a_single_mode_by_hand() -> None:
    grid = Grid(shape=(32,), extent=(2 * math.pi,), periodic=True)
    x = torch.tensor(grid.axes[0])
    target, error = torch.sin(2 * x), 0.1 * torch.sin(3 * x)
    loss = objectives.H1(weight=0.5)((target + error)[None, None], target[None, None], grid)
    assert loss.item() == pytest.approx(0.1 + 0.5 * 0.1 * 3 / 2, rel=1e-12)
    assert objectives.H1(weight=0.0)((target + error)[None, None], target[None, None], grid).item() == pytest.approx(
        0.1
    )


@pytest.mark.parametrize("objective", [objectives.RelativeL2(), objectives.H1(weight=0.3)])
@pytest.mark.parametrize("periodic", [True, False])
def test_one_loss_per_sample_that_does_not_know_the_others_nor_the_unit(
    objective: objectives.Objective, periodic: bool
) -> None:
    grid = Grid(shape=(8, 9), periodic=periodic)
    prediction, target = torch.randn(2, 4, 3, 8, 9, dtype=torch.float64)
    loss = objective(prediction, target, grid)
    assert loss.shape == (4,)
    for sample in range(4):
        alone = objective(prediction[sample : sample + 1], target[sample : sample + 1], grid)
        torch.testing.assert_close(alone[0], loss[sample], rtol=1e-13, atol=0)
    torch.testing.assert_close(objective(1e-12 * prediction, 1e-12 * target, grid), loss, rtol=1e-10, atol=0)


@pytest.mark.parametrize("objective", [objectives.RelativeL2(), objectives.H1(weight=1.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_a_zero_or_constant_target_gives_a_finite_loss_and_gradient(
    objective: objectives.Objective, dtype: torch.dtype, constant: float
) -> None:
    prediction = torch.randn(2, 1, 8, 8, dtype=dtype).requires_grad_()
    loss = objective(prediction, torch.full_like(prediction, constant).detach(), Grid(shape=(8, 8), periodic=True))
    loss.mean().backward()
    assert torch.isfinite(loss).all()
    assert prediction.grad is not None
    assert torch.isfinite(prediction.grad).all()


def test_a_negative_weight_is_refused() -> None:
    for weight in (-0.1, math.nan):
        with pytest.raises(InputError, match="a weight of at least 0"):
            objectives.H1(weight=weight)
