"""Equal accuracy: what the best solver costs at the error of the surrogate, and when training has paid off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from surrogate.datasets.errors import expected

Status = Literal["speed-up", "the solver dominates", "not reached", "not bracketed"]


@dataclass(frozen=True)
class Match:
    """A surrogate beside the front of the solvers.

    Attributes
    ----------
    status
        ``"speed-up"``: the surrogate is quicker than the solver of equal error. ``"the solver dominates"``: at the
        error of the surrogate the solver is at least as quick. ``"not reached"``: no solver is that accurate.
        ``"not bracketed"``: all solvers are more accurate *and* slower, so that none has this error.
    matched_cost
        Cost of the solver of equal error, interpolated on the front; that of the cheapest solver where the surrogate is
        less accurate than that and dominated; None where there is no such solver.
    speed_up
        ``matched_cost / cost``, for the first status only.
    error_at_equal_cost
        Error of the solver that costs as much, None if every solver costs more.
    """

    status: Status
    matched_cost: float | None
    speed_up: float | None
    error_at_equal_cost: float | None


def pareto_front(errors: Sequence[float], costs: Sequence[float]) -> list[int]:
    """Return the indices of the points that no other beats in both, from cheap to dear; errors fall strictly.

    Points whose error or cost is not finite are left out.
    """
    candidates = [i for i, pair in enumerate(zip(errors, costs, strict=True)) if all(map(math.isfinite, pair))]
    front: list[int] = []
    for index in sorted(candidates, key=lambda i: (costs[i], errors[i])):
        if not front or errors[index] < errors[front[-1]]:
            front.append(index)
    return front


def match(error: float, cost: float, front_errors: Sequence[float], front_costs: Sequence[float]) -> Match:
    """Compare a surrogate with a front from `pareto_front`: costs rise, errors fall.

    Between two points of the front cost and error are interpolated on logarithmic scales; nothing is extrapolated.

    Raises
    ------
    InputError
        The front is empty or not a front, or the error or cost of the surrogate is not positive.
    """
    _check(error, cost, front_errors, front_costs)
    equal_cost = _error_at(cost, front_errors, front_costs)
    if not math.isfinite(error):
        return Match("the solver dominates", front_costs[0], None, equal_cost)
    if error < front_errors[-1]:
        return Match("not reached", None, None, equal_cost)
    if error > front_errors[0]:
        if front_costs[0] <= cost:
            return Match("the solver dominates", front_costs[0], None, equal_cost)
        return Match("not bracketed", None, None, equal_cost)
    rising = np.log(front_errors[::-1]), np.log(front_costs[::-1])
    matched = float(np.exp(np.interp(math.log(error), *rising)))
    if matched <= cost:
        return Match("the solver dominates", matched, None, equal_cost)
    return Match("speed-up", matched, matched / cost, equal_cost)


def break_even(investment: float, matched_cost: float, cost: float) -> float:
    """Return :math:`N^* = B / (C_match - C)`: after so many samples the surrogate has paid for itself.

    Infinite where the surrogate is not cheaper than the solver of equal error. ``investment`` is in seconds: data
    generation and training.
    """
    if matched_cost <= cost:
        return math.inf
    return investment / (matched_cost - cost)


def _check(error: float, cost: float, front_errors: Sequence[float], front_costs: Sequence[float]) -> None:
    if not error > 0 or not 0 < cost < math.inf:
        raise expected("a positive error and cost", (error, cost), "An exact copy of the reference cannot be matched.")
    falling, rising = np.all(np.diff(front_errors) < 0), np.all(np.diff(front_costs) >= 0)
    if not len(front_errors) or len(front_errors) != len(front_costs) or not (falling and rising):
        got = f"errors {list(front_errors)} at costs {list(front_costs)}"
        raise expected("a front of rising cost and falling error", got, "Take the points that `pareto_front` names.")


def _error_at(cost: float, front_errors: Sequence[float], front_costs: Sequence[float]) -> float | None:
    """Beyond the dearest point the front holds its error."""
    if cost < front_costs[0]:
        return None
    return float(np.exp(np.interp(math.log(cost), np.log(front_costs), np.log(front_errors))))
