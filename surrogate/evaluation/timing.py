"""What one prediction costs: from the state on the host to the frames on the host."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from surrogate.compute import computing
from surrogate.initial_value import InitialValue
from surrogate.operator import Operator, Stepper

REPEATS = 10
FEWEST_REPEATS = 3
BATCHES = (1, 8, 64, 512)
#: The search ends where a sample becomes dearer by this factor (less may be noise), or the frames larger than this.
_DEARER = 1.5
_FRAME_BYTES = 2**30

Work = Callable[[], Tensor]


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
    """

    single: Timing
    best: Timing
    tried: tuple[Timing, ...]
    first_call_seconds: float


def cost(
    operator: Operator,
    given: InitialValue,
    *,
    steps: int = 1,
    every: int = 1,
    device: torch.device,
    budget: float | None = None,
) -> Cost:
    """Measure the cost of a whole rollout (or of one steady prediction) per sample.

    Transfers between host and device count, pinned and asynchronous on a GPU; reading and writing of fields does not.
    The device is synchronized around every measurement; each batch size is warmed up by one call.

    Parameters
    ----------
    operator
        What to measure.
    given
        Where it starts; samples are repeated to fill larger batches.
    steps, every
        Number of steps, and which frames go to the host.
    device
        Where to compute.
    budget
        Seconds to spend. Without it each batch size is repeated 10 times; with it less often if it must be, but 3 times
        at least, and batch sizes that would not fit are left out.
    """
    frame_bytes = steps // every * given.state[0].numel() * operator.dtype.itemsize
    deadline = time.perf_counter() + (np.inf if budget is None else budget)
    with computing(operator, device):
        first_call = _seconds(_work(operator, _filled(given, 1, device), steps, every, device), device)
        tried = [_timing(operator, given, 1, steps, every, device, deadline)]
        for batch in BATCHES[1:]:
            # A batch costs at most in proportion to its size; three repeats and the warm-up must fit.
            in_time = time.perf_counter() + 4 * batch * tried[-1].median <= deadline
            if not in_time or batch * frame_bytes > _FRAME_BYTES:
                break
            tried.append(_timing(operator, given, batch, steps, every, device, deadline))
            if tried[-1].median > _DEARER * tried[-2].median:
                break
    return Cost(tried[0], min(tried, key=lambda timing: timing.median), tuple(tried), first_call)


def _timing(
    operator: Operator, given: InitialValue, batch: int, steps: int, every: int, device: torch.device, deadline: float
) -> Timing:
    work = _work(operator, _filled(given, batch, device), steps, every, device)
    warm = _seconds(work, device)
    room = (deadline - time.perf_counter()) / warm
    repeats = REPEATS if room >= REPEATS else max(FEWEST_REPEATS, int(room))
    seconds = np.array([_seconds(work, device) for _ in range(repeats)]) / batch
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


def _filled(given: InitialValue, batch: int, device: torch.device) -> InitialValue:
    """Return ``batch`` samples on the host, in pinned memory if they go to a GPU."""
    rows = torch.arange(batch) % given.samples
    pinned = device.type == "cuda"
    parts = (
        None if part is None else (part[rows].pin_memory() if pinned else part[rows])
        for part in (given.state, given.static, given.forcing, given.parameters)
    )
    state, static, forcing, parameters = parts
    assert state is not None
    return InitialValue(state, given.start, static, forcing, parameters)


def _work(operator: Operator, given: InitialValue, steps: int, every: int, device: torch.device) -> Work:
    everything = slice(None)
    if not isinstance(operator, Stepper):

        def predict() -> Tensor:
            start = given.batch(everything, device)
            result: Tensor = operator(start.state, start.static, start.parameters).cpu()
            return result

        return predict
    channels = len(operator.out_fields)
    shape = (given.samples, steps // every, channels, *given.state.shape[2:])
    frames = torch.empty(shape, dtype=operator.dtype, pin_memory=device.type == "cuda")

    def march() -> Tensor:
        start = given.batch(everything, device)
        carry = operator.init(start.state, start.static, start.parameters)
        for step in range(0, steps, operator.horizon):
            carry, new = operator.step(carry, None if start.forcing is None else start.forcing[:, step])
            for number, frame in enumerate(torch.split(new, channels, dim=1), start=step + 1):
                if number % every == 0 and number <= steps:
                    frames[:, number // every - 1].copy_(frame, non_blocking=True)
        return frames

    return march
