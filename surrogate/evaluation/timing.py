"""What one prediction costs: from the state on the host to the frames on the host."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from surrogate.compute import computing
from surrogate.evaluation.tasks import Task, Work

REPEATS = 10
FEWEST_REPEATS = 3
BATCHES = (1, 8, 64, 512)
#: The search ends where a sample becomes dearer by this factor (less may be noise), or the frames larger than this.
_DEARER = 1.5
_FRAME_BYTES = 2**30


@dataclass(frozen=True)
class Timing:
    """Seconds per sample at one batch size: median and quartiles over the repeats."""

    batch: int
    repeats: int
    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Cost:
    """Timings of one operator.

    Attributes
    ----------
    single
        At batch size 1: the time to an answer.
    best
        At the batch size that makes a sample cheapest: the throughput.
    tried
        All batch sizes that were measured.
    first_call_seconds
        Of the very first call, which may compile and plan; in no other number.
    cut
        Whether there was no time for larger batches, which might be cheaper.
    """

    single: Timing
    best: Timing
    tried: tuple[Timing, ...]
    first_call_seconds: float
    cut: bool = False


def cost(task: Task, *, budget: float | None = None) -> Cost:
    """Measure the cost of a task per sample.

    Transfers between host and device count, pinned and asynchronous on a GPU; reading and writing of fields does not.
    The device is synchronized around every measurement; each batch size is warmed up by one call.

    Parameters
    ----------
    task
        What to measure; its samples are repeated to fill larger batches.
    budget
        Seconds to spend. Without it each batch size is repeated 10 times; with it less often if it must be, but 3 times
        at least, and batch sizes that would not fit are left out.
    """
    deadline = time.perf_counter() + (np.inf if budget is None else budget)
    with computing(task.operator, task.device):
        first_call = _seconds(task.work(1), task.device)
        tried, cut = [_timing(task, 1, deadline)], False
        for batch in BATCHES[1:]:
            # A batch costs at most in proportion to its size; three repeats and the warm-up must fit.
            in_time = time.perf_counter() + 4 * batch * tried[-1].median <= deadline
            cut = not in_time
            if cut or batch * task.sample_bytes > _FRAME_BYTES:
                break
            tried.append(_timing(task, batch, deadline))
            if tried[-1].median > _DEARER * tried[-2].median:
                break
    return Cost(tried[0], min(tried, key=lambda timing: timing.median), tuple(tried), first_call, cut)


def quick_seconds(task: Task) -> float:
    """Return the median time of a few repeats at batch size 1, after a warm-up."""
    with computing(task.operator, task.device):
        work = task.work(1)
        _seconds(work, task.device)
        return float(np.median([_seconds(work, task.device) for _ in range(FEWEST_REPEATS)]))


def _timing(task: Task, batch: int, deadline: float) -> Timing:
    work = task.work(batch)
    warm = _seconds(work, task.device)
    room = (deadline - time.perf_counter()) / warm
    repeats = REPEATS if room >= REPEATS else max(FEWEST_REPEATS, int(room))
    seconds = np.array([_seconds(work, task.device) for _ in range(repeats)]) / batch
    lower, median, upper = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Timing(batch, repeats, float(median), float(lower), float(upper))


def _seconds(work: Work, device: torch.device) -> float:
    _synchronize(device)
    began = time.perf_counter()
    work()
    _synchronize(device)
    return time.perf_counter() - began


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
