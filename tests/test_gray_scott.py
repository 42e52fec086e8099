"""Gray-Scott equations: steady states, the conserved sum, linear growth, refusals."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import GrayScott

GRID = Grid((24, 20), extent=(2.0, 1.5), periodic=True)


def uniform(a: float, b: float) -> Tensor:
    return torch.tensor([a, b], dtype=torch.float64)[None, :, None, None].expand(1, 2, *GRID.shape)


def test_what_is_fed_and_not_consumed_fills_the_box_exponentially() -> None:
    solver = GrayScott(GRID, feed=0.03, kill=0.06, dt=7.0)
    expected = 1 + (0.2 - 1) * math.exp(-0.03 * 7)
    assert solver(uniform(0.2, 0.0)).numpy() == pytest.approx(uniform(expected, 0.0).numpy(), abs=1e-15)


def test_the_steady_states_stay() -> None:
    r"""With :math:`s = f + k` they have :math:`b = f (1 \pm \sqrt{1 - 4 s^2/f})/2s` and :math:`a b = s`."""
    feed, kill = 0.05, 0.03
    total = feed + kill
    for sign in (-1, 1):
        b = feed * (1 + sign * math.sqrt(1 - 4 * total**2 / feed)) / (2 * total)
        state = uniform(total / b, b)
        solver = GrayScott(GRID, feed=feed, kill=kill, dt=1.0, substeps=4)
        assert solver(state).numpy() == pytest.approx(state.numpy(), abs=1e-14)


def test_with_equal_diffusivities_and_hardly_any_removal_the_sum_only_diffuses() -> None:
    """The sum s = a + b has s_t = D div grad s + f (1 - s)."""
    x = torch.as_tensor(GRID.axes[0])[:, None].expand(GRID.shape)
    wave = torch.cos(math.pi * x)
    state = torch.stack([0.7 + 0.2 * wave, 0.3 + 0.1 * wave])[None]
    feed, diffusivity, time = 0.04, 1e-3, 5.0
    solver = GrayScott(
        GRID, feed=feed, kill=1e-300, diffusivity_a=diffusivity, diffusivity_b=diffusivity, dt=time, substeps=5
    )
    expected = 1 + 0.3 * wave * math.exp(-(diffusivity * math.pi**2 + feed) * time)
    assert solver(state).sum(1)[0].numpy() == pytest.approx(expected.numpy(), abs=1e-14)


@pytest.mark.parametrize("name", ["feed", "kill", "diffusivity_a", "diffusivity_b"])
def test_coefficients_that_are_not_positive_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"Expected a positive {name}, got"):
        GrayScott(GRID, **{"feed": 0.03, "kill": 0.06, "dt": 1.0, name: 0.0})
