"""What is timed: from tensors on the host to the answer on the host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from surrogate.datasets.samples.point_samples import PointSamples
from surrogate.initial_value import InitialValue
from surrogate.operator import Operator, Stepper
from surrogate.point_inputs import apply_to_batch

Work = Callable[[], Tensor]


@dataclass(frozen=True)
class Task(ABC):
    """One operator, its input for some samples, and the device where it computes."""

    operator: Operator
    device: torch.device

    @property
    @abstractmethod
    def sample_bytes(self) -> int:
        """Bytes of the answer for one sample."""

    @abstractmethod
    def work(self, batch: int) -> Work:
        """Return what answers for ``batch`` samples, repeated to that number, transfers included."""


@dataclass(frozen=True)
class RolloutTask(Task):
    """A whole rollout on a grid of which every ``every``-th frame goes to the host, or one steady prediction."""

    given: InitialValue
    steps: int = 1
    every: int = 1

    @property
    def sample_bytes(self) -> int:
        """Bytes of the frames of one sample."""
        return self.steps // self.every * self.given.state[0].numel() * self.operator.dtype.itemsize

    def work(self, batch: int) -> Work:
        """Return the rollout of ``batch`` samples."""
        given, operator = self.filled(batch), self.operator
        if isinstance(operator, Stepper):
            return self._march(operator, given)

        def predict() -> Tensor:
            start = given.batch(slice(None), self.device)
            result: Tensor = operator(start.state, start.static, start.parameters).cpu()
            return result

        return predict

    def filled(self, batch: int) -> InitialValue:
        """Return ``batch`` samples on the host, in pinned memory if they go to a GPU."""
        rows = torch.arange(batch) % self.given.samples
        pinned = self.device.type == "cuda"
        parts = (
            None if part is None else (part[rows].pin_memory() if pinned else part[rows])
            for part in (self.given.state, self.given.static, self.given.forcing, self.given.parameters)
        )
        state, static, forcing, parameters = parts
        assert state is not None
        return InitialValue(state, self.given.start, static, forcing, parameters)

    def _march(self, stepper: Stepper, given: InitialValue) -> Work:
        steps, every, channels = self.steps, self.every, len(stepper.out_fields)
        shape = (steps // every, given.samples, channels, *given.state.shape[2:])  # contiguous frames: no copy waits
        frames = torch.empty(shape, dtype=stepper.dtype, pin_memory=self.device.type == "cuda")

        def march() -> Tensor:
            start = given.batch(slice(None), self.device)
            carry = stepper.init(start.state, start.static, start.parameters)
            for step in range(0, steps, stepper.horizon):
                carry, new = stepper.step(carry, None if start.forcing is None else start.forcing[:, step])
                for number, frame in enumerate(torch.split(new, channels, dim=1), start=step + 1):
                    if number % every == 0 and number <= steps:
                        frames[number // every - 1].copy_(frame, non_blocking=True)
            return frames

        return march


@dataclass(frozen=True)
class PointTask(Task):
    """One steady prediction on meshes; what depends on the geometry alone is known from the second call on."""

    samples: PointSamples

    @property
    def sample_bytes(self) -> int:
        """Bytes of the answer for a sample of mean size."""
        points = self.samples.n_points / len(self.samples)
        return round(points * len(self.operator.out_fields) * self.operator.dtype.itemsize)

    def work(self, batch: int) -> Work:
        """Return the prediction for ``batch`` samples."""
        given = self.samples.__getitems__([i % len(self.samples) for i in range(batch)])
        return lambda: apply_to_batch(self.operator, given, self.device).cpu()
