"""Probabilistic scores against integrals and exact distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from surrogate.datasets import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.evaluation import coverage, crps, interval_width, spread_and_skill


def points(*values: float) -> torch.Tensor:
    """Return values over one sample, time and channel."""
    return torch.tensor(values, dtype=torch.float64)[None, None, None]


def test_crps_is_the_integral_of_the_squared_distance_of_the_distributions() -> None:
    rng = np.random.default_rng(0)
    members, truth = rng.normal(size=7), 0.3
    x = np.linspace(-8, 8, 400_001)
    steps = (members[:, None] <= x).mean(axis=0) - (truth <= x)
    integral = np.square(steps).sum() * (x[1] - x[0])
    found = crps(torch.stack([points(m) for m in members]), points(truth)).item()
    assert found == pytest.approx(integral, abs=16 * (x[1] - x[0]))  # eight jumps, each within one interval


def test_crps_of_one_member_is_its_absolute_error_and_of_a_perfect_one_zero() -> None:
    member, truth = points(1.0, -2.0, 4.0), points(0.0, 0.0, 4.0)
    assert crps(member[None], truth).item() == 1.0
    assert crps(torch.stack([truth] * 3), truth).item() == 0.0


def test_fair_crps_does_not_depend_on_the_number_of_members() -> None:
    """Of a standard normal truth and members: E|x - t| / 2 = 1 / sqrt(pi) whatever their number."""
    generator = torch.Generator().manual_seed(0)
    for count in (2, 5):
        x = torch.randn(count, 1, 1, 1, 200_000, generator=generator, dtype=torch.float64)
        t = torch.randn(1, 1, 1, 200_000, generator=generator, dtype=torch.float64)
        # the deviation of one score is below 1, that of their mean below 0.0023; four of these
        assert crps(x, t, fair=True).item() == pytest.approx(1 / math.sqrt(math.pi), abs=0.009)
        assert crps(x, t).item() == pytest.approx((1 + 1 / count) / math.sqrt(math.pi), abs=0.009)


def test_large_offsets_lose_no_digits() -> None:
    x, t = torch.stack([points(1e9 + 1), points(1e9 + 3)]), points(1e9)
    assert crps(x, t).item() == 2 - 0.5


def test_coverage_and_width_by_hand_and_of_a_normal_distribution() -> None:
    lower, upper = points(0, 0, 0, 0), points(1, 2, 3, 4)
    assert coverage(lower, upper, points(1, 2.5, -1, 4)).item() == 0.5
    assert interval_width(lower, upper).item() == 2.5
    t = torch.randn(1, 1, 1, 100_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    bound = torch.full_like(t, 1.959964)
    assert coverage(-bound, bound, t).item() == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 1e5))


def test_spread_equals_skill_for_members_like_the_truth() -> None:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(4, 500, 2, 1, 400, generator=generator, dtype=torch.float64)
    t = torch.randn(500, 2, 1, 400, generator=generator, dtype=torch.float64)
    spread, skill = spread_and_skill(x, t)
    assert spread.shape == (2, 1)
    # 200 000 points: relative deviation of a root mean square 1 / sqrt(4e5), four of these and of both
    torch.testing.assert_close(spread, skill, rtol=0.009, atol=0)
    assert skill[0, 0].item() == pytest.approx(math.sqrt(1 + 1 / 4), rel=0.007)


def test_on_stretched_axes_means_are_integrals() -> None:
    grid = Grid((9,), stretching=("chebyshev",))
    x = torch.tensor(grid.axes[0])[None, None, None]
    assert crps((x**2)[None], torch.zeros_like(x), grid).item() == pytest.approx(1 / 3, rel=1e-13)
    assert interval_width(-x, x, grid).item() == pytest.approx(1.0, rel=1e-13)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_never_passes(bad: float) -> None:
    x, t = torch.stack([points(1, bad), points(1, 1)]), points(1, 1)
    assert crps(x, t).item() == math.inf
    assert [value.item() for value in spread_and_skill(x, t)] == [math.inf] * 2
    nan = points(math.nan, math.nan)
    assert coverage(nan, nan, t).item() == 0.0
    assert interval_width(points(0, 0), points(1, bad)).item() == math.inf


def test_bad_input() -> None:
    with pytest.raises(InputError, match="at least 1 member of the shape of the target"):
        crps(points(1)[None][:0], points(1))
    with pytest.raises(InputError, match="at least 2 members"):
        crps(points(1)[None], points(1), fair=True)
    with pytest.raises(InputError, match="at least 2 members"):
        spread_and_skill(points(1)[None], points(1))
    with pytest.raises(InputError, match="a finite target"):
        crps(points(1)[None], points(math.nan))
    with pytest.raises(InputError, match="lower ends below the upper ones"):
        interval_width(points(1), points(0))
