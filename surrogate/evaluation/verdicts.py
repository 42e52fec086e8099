"""What is said of each surrogate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from surrogate.evaluation.matching import Match, break_even, match, pareto_front
from surrogate.evaluation.reference import MARGIN
from surrogate.evaluation.summary import Row
from surrogate.evaluation.timing import Cost, Timing

Mode = Literal["single", "best"]
MODES: dict[Mode, str] = {"single": "one sample at a time", "best": "in the best batches"}


@dataclass(frozen=True)
class Investment:
    """Seconds spent before the surrogate could be used; None where not known."""

    data_generation: float | None
    training: float | None

    @property
    def total(self) -> float | None:
        """The sum, None if a part is not known."""
        if self.data_generation is None or self.training is None:
            return None
        return self.data_generation + self.training


@dataclass(frozen=True)
class Verdict:
    """A surrogate beside the solvers, one sample at a time or in the best batches.

    ``match`` is None where there is nothing to say in numbers; ``break_even_samples`` is None where it is not known.
    """

    name: str
    mode: Mode
    sentence: str
    match: Match | None = None
    break_even_samples: float | None = None
    investment: Investment = field(default=Investment(None, None))


def timing_of(cost: Cost, mode: Mode) -> Timing:
    """Return the timing that belongs to ``mode``."""
    return cost.single if mode == "single" else cost.best


def front_of(rows: Sequence[Row], mode: Mode, floor: float | None) -> list[tuple[Row, float, float]]:
    """Return the solvers on the Pareto front with their errors and costs, from cheap to dear.

    Errors that the reference cannot tell from zero count as `MARGIN` times the floor.
    """
    solvers = [row for row in rows if row.kind == "solver" and row.cost is not None]
    errors = [max(row.error, MARGIN * (floor or 0.0), math.ulp(0.0)) for row in solvers]
    costs = [timing_of(row.cost, mode).median for row in solvers if row.cost is not None]
    return [(solvers[i], errors[i], costs[i]) for i in pareto_front(errors, costs)]


def judge(row: Row, rows: Sequence[Row], mode: Mode, floor: float | None, investment: Investment) -> Verdict:
    """Return the verdict on the surrogate in ``row``."""
    if row.statistics.blown_up:
        text = (
            f"blew up in {row.statistics.blown_up:.0%} of the samples, the first at frame {row.statistics.blown_up_at}."
        )
        return Verdict(row.name, mode, text, investment=investment)
    if not row.ranked:
        text = f"not ranked: its error is less than {MARGIN:g} times that of the reference."
        return Verdict(row.name, mode, text, investment=investment)
    assert row.cost is not None
    front = front_of(rows, mode, floor)
    cost = timing_of(row.cost, mode).median
    if not front:
        text = f"{duration(cost)} per sample; there is no solver to compare with."
        return Verdict(row.name, mode, text, investment=investment)
    found = match(row.error, cost, [error for _, error, _ in front], [price for *_, price in front])
    paid = _break_even(investment, found, cost)
    return Verdict(row.name, mode, _sentence(row, found, cost, paid), found, paid, investment)


def duration(seconds: float) -> str:
    """Return a time in words, with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _break_even(investment: Investment, found: Match, cost: float) -> float | None:
    """Return after how many samples the surrogate has paid for itself, None where that is not known."""
    if found.matched_cost is None or (found.matched_cost > cost and investment.total is None):
        return None
    return break_even(investment.total or 0.0, found.matched_cost, cost)


def _sentence(row: Row, found: Match, cost: float, paid: float | None) -> str:
    if found.status == "speed-up":
        assert found.speed_up is not None
        assert found.matched_cost is not None
        text = f"{found.speed_up:.3g}x faster at equal accuracy: {duration(cost)} per sample, "
        text += f"the solver of equal error {duration(found.matched_cost)}."
        return text if paid is None else f"{text} Data and training are paid for after {paid:,.0f} samples."
    if found.status == "the solver dominates":
        assert found.matched_cost is not None
        text = "the solver dominates: at the same error or a smaller one it needs "
        text += f"{duration(found.matched_cost)} per sample, the surrogate {duration(cost)}."
        return f"{text} Data and training are never paid for."
    if found.status == "not reached":
        return f"not reached: no solver has an error as small as {row.error:.2g}; {duration(cost)} per sample."
    text = f"no ratio: quicker ({duration(cost)} per sample) but less accurate than every solver"
    return f"{text}; the ladder would have to go coarser."
