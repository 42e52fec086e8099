"""The sentence for each outcome, from rows made by hand."""

from __future__ import annotations

import math

import pytest

from surrogate.evaluation.members import Kind
from surrogate.evaluation.summary import Row, Statistics
from surrogate.evaluation.timing import Cost, Timing
from surrogate.evaluation.verdicts import BEST_DEVICE, Investment, duration, front_of, judge, verdicts_on

PAID = Investment(data_generation=30.0, training=60.0)


def row(
    name: str, kind: Kind, error: float, seconds: float, *, ranked: bool = True, device: str = "cpu", hardware: str = ""
) -> Row:
    """Return a member of this error and cost."""
    single = Timing(1, 10, seconds, seconds, seconds)
    best = Timing(8, 10, seconds / 10, seconds / 10, seconds / 10)
    blown_up = 0.25 if math.isinf(error) else 0.0
    errors = dict.fromkeys(("error", "low", "high", "median", "percentile_90", "worst", "final", "geometric"), error)
    statistics = Statistics(
        seeds=1,
        samples=4,
        **errors,
        blown_up=blown_up,
        blown_up_at=3 if blown_up else None,
        correlated_until=None,
        censored=False,
        closely_correlated_until=None,
        closely_censored=False,
        drifts={},
    )
    price = Cost(single, best, (single, best), 0.0)
    return Row(name, kind, "", "float32", statistics, ranked, {}, 0.0, price, device, hardware)


SOLVERS = [row("crude", "solver", 1e-2, 0.1), row("fine", "solver", 1e-4, 10.0), row("poor", "solver", 1e-1, 1.0)]


def test_speed_up_and_break_even() -> None:
    surrogate = row("net", "surrogate", 1e-3, 0.1)
    verdict = judge(surrogate, [surrogate, *SOLVERS], "single", None, PAID)
    assert verdict.match is not None
    assert verdict.match.speed_up == pytest.approx(10.0)  # between 0.1 s and 10 s
    assert verdict.break_even_samples == pytest.approx(90 / 0.9)
    assert verdict.sentence.startswith(
        "10x faster at equal accuracy: 100 ms per sample, the solver of equal error 1 s."
    )
    assert "paid for after 100 samples" in verdict.sentence


def test_break_even_is_not_known_without_the_cost_of_the_data() -> None:
    surrogate = row("net", "surrogate", 1e-3, 0.1)
    verdict = judge(surrogate, [surrogate, *SOLVERS], "single", None, Investment(None, 60.0))
    assert verdict.break_even_samples is None
    assert "paid" not in verdict.sentence


@pytest.mark.parametrize(
    ("error", "seconds", "words", "samples"),
    [
        (1e-3, 2.0, "the solver dominates: at the same error or a smaller one it needs 1 s", math.inf),
        (1e-5, 0.1, "not reached: no solver has an error as small as 1e-05", None),
        (1e-1, 0.01, "no ratio: quicker", None),
        (math.inf, 0.01, "blew up in 25% of the samples, the first at frame 3", None),
    ],
)
def test_no_ratio_elsewhere(error: float, seconds: float, words: str, samples: float | None) -> None:
    surrogate = row("net", "surrogate", error, seconds)
    verdict = judge(surrogate, [surrogate, *SOLVERS], "single", None, PAID)
    assert words in verdict.sentence
    assert "faster" not in verdict.sentence
    assert verdict.match is None or verdict.match.speed_up is None
    assert verdict.break_even_samples == samples


def test_what_the_reference_cannot_tell_apart() -> None:
    surrogate = row("net", "surrogate", 1e-6, 0.1, ranked=False)
    assert "not ranked" in judge(surrogate, [surrogate, *SOLVERS], "single", 1e-6, PAID).sentence
    front = front_of([*SOLVERS, row("finer", "solver", 1e-9, 20.0)], "single", 1e-4)
    assert [(member.name, error) for member, error, _ in front] == [("crude", 1e-2), ("fine", pytest.approx(3e-4))]


def test_each_mode_has_its_front() -> None:
    assert [cost for *_, cost in front_of(SOLVERS, "best", None)] == pytest.approx([0.01, 1.0])


def test_durations() -> None:
    assert [duration(s) for s in (12.3456, 0.1, 2e-5, 3e-8)] == ["12.3 s", "100 ms", "20 µs", "30 ns"]


def test_each_device_has_its_front_and_recorded_runs_count_on_all() -> None:
    nets = [row("net", "surrogate", 1e-3, seconds, device=device) for device, seconds in (("cpu", 2.0), ("cuda", 0.1))]
    solvers = [
        row(name, "solver", error, seconds / speed, device=device)
        for device, speed in (("cpu", 1.0), ("cuda", 4.0))
        for name, error, seconds in (("crude", 1e-2, 0.1), ("fine", 1e-4, 10.0))
    ]
    found = verdicts_on([*nets, *solvers], {"net": PAID}, None)
    assert [verdict.device for verdict in found] == ["cpu"] * 2 + ["cuda"] * 2 + [BEST_DEVICE] * 2
    ratios = [verdict.match.speed_up for verdict in found[::2] if verdict.match is not None]
    assert ratios[0] is None  # on the CPU the solver of equal error is quicker
    assert ratios[1:] == pytest.approx([2.5, 2.5])
    recorded = row("theirs", "solver", 1e-5, 0.5, device="cpu", hardware="a cluster")
    verdicts = verdicts_on([*nets, *solvers, recorded], {"net": PAID}, None)
    assert all("On other hardware: theirs (a cluster)" in verdict.sentence for verdict in verdicts)


def test_investments_are_itemized() -> None:
    assert str(PAID) == "data 30 s, training 60 s"
    assert str(Investment(None, 60.0, 5.0)) == "data unknown, training 60 s, tuning 5 s"
    assert Investment(1.0, 2.0, 4.0).total == 7.0
