"""Equal-accuracy matching on fronts made by hand."""

from __future__ import annotations

import math

import pytest

from surrogate.datasets.errors import InputError
from surrogate.evaluation import break_even, match, pareto_front

ERRORS, COSTS = [1e-1, 1e-3, 1e-5], [1.0, 10.0, 1000.0]


def test_front_keeps_what_nothing_beats() -> None:
    errors = [0.1, 0.2, 0.01, 0.05, math.inf, 0.001, 0.01]
    costs = [1.0, 0.5, 3.0, 4.0, 0.1, math.nan, 2.0]
    assert pareto_front(errors, costs) == [1, 0, 6]


def test_front_of_equal_points_has_one_of_them() -> None:
    assert len(pareto_front([0.1, 0.1], [1.0, 1.0])) == 1


def test_speed_up_is_interpolated_on_logarithmic_scales() -> None:
    found = match(1e-4, 2.0, ERRORS, COSTS)  # half-way between 10 and 1000
    assert found.status == "speed-up"
    assert found.matched_cost == pytest.approx(100.0)
    assert found.speed_up == pytest.approx(50.0)
    assert found.error_at_equal_cost == pytest.approx(10 ** (-1 - 2 * math.log10(2)))


def test_at_a_point_of_the_front_the_cost_is_that_of_the_point() -> None:
    assert match(1e-3, 1.0, ERRORS, COSTS).matched_cost == pytest.approx(10.0)


def test_a_surrogate_above_the_front_is_dominated() -> None:
    found = match(1e-4, 200.0, ERRORS, COSTS)
    assert (found.status, found.speed_up) == ("the solver dominates", None)
    assert found.matched_cost == pytest.approx(100.0)


def test_a_surrogate_worse_than_the_crudest_solver_and_slower_is_dominated() -> None:
    found = match(0.5, 2.0, ERRORS, COSTS)
    assert (found.status, found.matched_cost, found.speed_up) == ("the solver dominates", 1.0, None)


def test_no_ratio_for_a_surrogate_worse_and_quicker_than_every_solver() -> None:
    found = match(0.5, 0.1, ERRORS, COSTS)
    assert (found.status, found.matched_cost, found.speed_up, found.error_at_equal_cost) == (
        "not bracketed",
        None,
        None,
        None,
    )


def test_no_ratio_where_no_solver_is_as_accurate() -> None:
    found = match(1e-6, 5000.0, ERRORS, COSTS)
    assert (found.status, found.matched_cost, found.speed_up) == ("not reached", None, None)
    assert found.error_at_equal_cost == pytest.approx(1e-5)  # beyond its dearest point the front holds its error


def test_an_infinite_error_is_dominated() -> None:
    assert match(math.inf, 0.1, ERRORS, COSTS).status == "the solver dominates"


def test_a_front_of_one_point() -> None:
    assert match(0.1, 0.5, [0.1], [2.0]).speed_up == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("error", "cost", "errors", "costs", "words"),
    [
        (0.0, 1.0, ERRORS, COSTS, "a positive error and cost"),
        (math.nan, 1.0, ERRORS, COSTS, "a positive error and cost"),
        (0.1, 0.0, ERRORS, COSTS, "a positive error and cost"),
        (0.1, 1.0, [], [], "a front of rising cost"),
        (0.1, 1.0, [0.1, 0.2], [1.0, 2.0], "a front of rising cost"),
    ],
)
def test_bad_input(error: float, cost: float, errors: list[float], costs: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        match(error, cost, errors, costs)


def test_break_even() -> None:
    assert break_even(90.0, 1.0, 0.1) == pytest.approx(100.0)
    assert break_even(90.0, 0.1, 0.1) == math.inf
