"""Timings: what is run, how often, and that nothing is lost on the way. No assertion on seconds."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.evaluation import timing
from surrogate.evaluation.tasks import RolloutTask
from surrogate.evaluation.timing import BATCHES, FEWEST_REPEATS, REPEATS, cost
from surrogate.initial_value import InitialValue
from surrogate.operator import Operator, Stepper

CPU = torch.device("cpu")
START = InitialValue(torch.arange(6.0).reshape(3, 1, 2), 0.0, None, None, None)


class Doubling(Stepper):
    """Doubles the state and counts its calls by batch size."""

    def __init__(self) -> None:
        super().__init__()
        self.in_fields = self.out_fields = ("u",)
        self.domain, self.dt = Grid((2,), periodic=True), 1.0
        self.calls: dict[int, int] = {}

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        self.calls[len(state)] = self.calls.get(len(state), 0) + 1
        return 2 * state


class Constant(Operator):
    """A steady map."""

    def __init__(self) -> None:
        super().__init__()
        self.in_fields, self.out_fields, self.domain = ("a",), ("u",), Grid((2,), periodic=True)

    def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        return x


def test_each_batch_size_is_warmed_up_and_repeated() -> None:
    stepper = Doubling()
    found = cost(RolloutTask(stepper, CPU, START, steps=4, every=2))
    assert [t.batch for t in found.tried] == list(BATCHES[: len(found.tried)])
    assert all(t.repeats == REPEATS for t in found.tried)
    assert stepper.calls[1] == 4 * (REPEATS + 2)  # first call, warm-up, repeats
    assert stepper.calls[8] == 4 * (REPEATS + 1)


def test_best_is_the_cheapest_per_sample_and_quartiles_are_in_order() -> None:
    found = cost(RolloutTask(Doubling(), CPU, START, steps=4))
    assert found.single is found.tried[0]
    assert found.best.median == min(t.median for t in found.tried)
    assert all(0 < t.lower <= t.median <= t.upper < math.inf for t in found.tried)
    assert found.first_call_seconds > 0


def test_no_time_means_fewest_repeats_of_one_sample() -> None:
    found = cost(RolloutTask(Doubling(), CPU, START, steps=2), budget=0.0)
    assert [(t.batch, t.repeats) for t in found.tried] == [(1, FEWEST_REPEATS)]
    assert found.cut
    assert not cost(RolloutTask(Doubling(), CPU, START, steps=2)).cut


def test_a_steady_map_is_one_call() -> None:
    assert cost(RolloutTask(Constant(), CPU, START)).single.repeats == REPEATS


def test_what_is_timed_is_the_rollout() -> None:
    task = RolloutTask(Doubling(), CPU, START, steps=6, every=3)
    assert task.filled(5).state[:, 0, 1].tolist() == [1, 3, 5, 1, 3]
    frames = task.work(5)()
    assert frames[:, :, 0, 1].T.tolist() == [[8 * u, 64 * u] for u in (1, 3, 5, 1, 3)]


@pytest.mark.gpu
def test_on_a_gpu() -> None:
    device = torch.device("cuda")
    frames = RolloutTask(Doubling(), device, START, steps=2).work(3)
    timing._synchronize(device)
    assert frames().is_pinned()
    assert cost(RolloutTask(Doubling(), device, START, steps=2)).single.median > 0
