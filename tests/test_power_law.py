"""Power laws through errors that are made from one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from surrogate.datasets import InputError
from surrogate.evaluation import PowerLaw


def test_an_exact_law_is_found() -> None:
    law = PowerLaw.fit([10, 100, 1000], [2 * n**-0.5 for n in (10, 100, 1000)])
    assert (law.factor, law.exponent) == pytest.approx((2.0, 0.5))
    assert law(400) == pytest.approx(0.1)
    assert law.needed(0.1) == pytest.approx((400, 400, 400))
    low, high = law.band(np.array([50.0]))
    assert low[0] == pytest.approx(high[0]) == pytest.approx(law(50))


def test_intervals_cover_as_often_as_they_say() -> None:
    """Of 400 experiments 380 are expected, with a deviation of 4.4; four of these."""
    rng, n = np.random.default_rng(0), np.repeat([16, 32, 64, 128], 3)
    covered = np.zeros(3)
    for _ in range(400):
        law = PowerLaw.fit(n.tolist(), (3 * n**-0.4 * np.exp(0.2 * rng.standard_normal(12))).tolist())
        low, high = law.band(np.array([100.0]))
        needed = law.needed(3 * 300**-0.4)
        covered += [law.low < 0.4 < law.high, low[0] < 3 * 100**-0.4 < high[0], needed[1] < 300 < needed[2]]
    assert (np.abs(covered - 380) < 18).all()


def test_a_curve_that_does_not_fall_never_gets_there() -> None:
    rising = PowerLaw.fit([10, 20, 40, 80], [0.1, 0.11, 0.12, 0.13])
    assert rising.needed(0.01)[0] == math.inf
    flat = PowerLaw.fit([10, 20, 40, 80], [0.1, 0.11, 0.09, 0.1])
    assert flat.low < 0 < flat.high
    assert flat.needed(0.01)[2] == math.inf


@pytest.mark.parametrize(
    ("n", "errors"),
    [([1, 2], [0.1, 0.2]), ([5, 5, 5], [0.1, 0.2, 0.3]), ([1, 2, 3], [0.1, 0.0, 0.2]), ([1, 2, 3], [1, math.inf, 1])],
)
def test_what_gives_no_law_is_refused(n: list[int], errors: list[float]) -> None:
    with pytest.raises(InputError, match="three positive errors at two sizes or more"):
        PowerLaw.fit(n, errors)


def test_no_size_for_no_error() -> None:
    with pytest.raises(InputError, match="a positive error"):
        PowerLaw.fit([1, 2, 4], [1.0, 0.5, 0.3]).needed(0.0)
