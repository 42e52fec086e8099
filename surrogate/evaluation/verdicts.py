"""What is said of each surrogate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from surrogate.evaluation.matching import Match, break_even, match, pareto_front
from surrogate.evaluation.reference import MARGIN
from surrogate.evaluation.summary import Row
from surrogate.evaluation.timing import Cost, Timing

Mode = Literal["single", "best"]
MODES: dict[Mode, str] = {"single": "one sample at a time", "best": "in the best batches"}


#: The device of verdicts in which each member computes where it is quickest.
BEST_DEVICE = "each on its best device"


@dataclass(frozen=True)
class Investment:
    """Seconds spent before the surrogate could be used; None where not known.

    ``training`` is that of one model, the mean where there are several seeds; ``tuning`` is left out of the sum where
    it is not known.
    """

    data_generation: float | None
    training: float | None
    tuning: float | None = None

    @property
    def total(self) -> float | None:
        """The sum, None if data or training are not known."""
        if self.data_generation is None or self.training is None:
            return None
        return self.data_generation + self.training + (self.tuning or 0.0)

    def __str__(self) -> str:
        parts = [f"data {_known(self.data_generation)}", f"training {_known(self.training)}"]
        return ", ".join(parts if self.tuning is None else [*parts, f"tuning {duration(self.tuning)}"])


@dataclass(frozen=True)
class Verdict:
    """A surrogate beside the solvers, one sample at a time or in the best batches, all on ``device``.

    ``cost`` is what the surrogate needs for a sample. ``match`` is None where there is nothing to say in numbers;
    ``break_even_samples`` is None where it is not known.
    """

    name: str
    mode: Mode
    sentence: str
    device: str
    cost: float | None = None
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
    """Return the verdict on the surrogate in ``row`` beside the solvers among ``rows``."""
    if row.statistics.blown_up:
        text = (
            f"blew up in {row.statistics.blown_up:.0%} of the samples, the first at frame {row.statistics.blown_up_at}."
        )
        return Verdict(row.name, mode, text, row.device, investment=investment)
    assert row.cost is not None
    cost = timing_of(row.cost, mode).median
    if not row.ranked:
        text = f"not ranked: its error is less than {MARGIN:g} times that of the reference."
        return Verdict(row.name, mode, text, row.device, cost, investment=investment)
    front = front_of(rows, mode, floor)
    if not front:
        text = f"{duration(cost)} per sample; there is no solver to compare with."
        return Verdict(row.name, mode, text, row.device, cost, investment=investment)
    found = match(row.error, cost, [error for _, error, _ in front], [price for *_, price in front])
    paid = _break_even(investment, found, cost)
    text = _sentence(row, found, cost, paid) + _at_equal_time(found) + _elsewhere([solver for solver, *_ in front])
    return Verdict(row.name, mode, text, row.device, cost, found, paid, investment)


def _at_equal_time(found: Match) -> str:
    if found.error_at_equal_cost is None:
        return ""
    return f" At equal run time the solver has the error {found.error_at_equal_cost:.2g}."


def _elsewhere(front: Sequence[Row]) -> str:
    """Return which solvers of the front did not run on this machine: no ratio is one of hardware alike then."""
    others = [f"{row.name} ({row.hardware})" for row in front if row.hardware]
    return f" On other hardware: {', '.join(others)}." if others else ""


def verdicts_on(rows: Sequence[Row], investments: Mapping[str, Investment], floor: float | None) -> tuple[Verdict, ...]:
    """Return two verdicts for each surrogate on each device, and two with each member on its best device.

    ``investments`` are those of all surrogates by name.
    """
    verdicts = []
    for name, investment in investments.items():
        own = [row for row in rows if row.name == name]
        for row in own:
            beside = [other for other in rows if other.device == row.device or other.hardware]
            verdicts += [judge(row, beside, mode, floor, investment) for mode in MODES]
        for mode in MODES if len(own) > 1 else ():
            best = min(own, key=lambda row: timing_of(row.cost, mode).median if row.cost else math.inf)
            verdicts.append(replace(judge(best, rows, mode, floor, investment), device=BEST_DEVICE))
    return tuple(verdicts)


def duration(seconds: float) -> str:
    """Return a time in words, with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _known(seconds: float | None) -> str:
    return "unknown" if seconds is None else duration(seconds)


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
