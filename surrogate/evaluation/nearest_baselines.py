"""What came of the nearest case in the training part, on grids."""

from __future__ import annotations

from typing import Any

import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.evaluation.schedule import Schedule
from surrogate.operator import Operator, Stepper


class NearestTrajectory(Stepper):
    """The frames that followed the training state nearest to the given one, in the Euclidean norm of all fields.

    Parameters
    ----------
    training
        The training part.
    names
        Fields of the state.
    schedule
        How many frames must follow, and how far they are apart.
    """

    frames: Tensor
    starts: Tensor

    def __init__(self, training: xr.Dataset, names: tuple[str, ...], schedule: Schedule) -> None:
        super().__init__()
        self.in_fields = self.out_fields = names
        self.domain, self.dt, self.stride = Grid.from_fields(training), schedule.stride * schedule.dt, schedule.stride
        frames = to_tensor(training, names, torch.float32, share=True)
        starts = frames[:, : frames.shape[1] - schedule.stride * schedule.count]
        self.candidates = starts.shape[1]
        self.register_buffer("frames", frames, persistent=False)
        self.register_buffer("starts", starts.flatten(0, 1).flatten(1), persistent=False)

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Any:
        """Find the nearest state; carry its sample and its frame."""
        nearest = torch.cdist(state.flatten(1), self.starts).argmin(1)
        return nearest // self.candidates, nearest % self.candidates

    def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
        """Return what followed."""
        sample, frame = carry[0], carry[1] + self.stride
        return (sample, frame), self.frames[sample, frame]


class SteadyNearestSample(Operator):
    """The answer of the training sample with the nearest inputs, in the Euclidean norm of their standardized fields.

    Parameters
    ----------
    training
        The training part.
    in_fields, out_fields
        Names of inputs and targets.
    """

    inputs: Tensor
    answers: Tensor
    scale: Tensor

    def __init__(self, training: xr.Dataset, in_fields: tuple[str, ...], out_fields: tuple[str, ...]) -> None:
        super().__init__()
        self.in_fields, self.out_fields = in_fields, out_fields
        self.domain = Grid.from_fields(training)
        inputs = to_tensor(training, in_fields, torch.float32)
        deviation = inputs.transpose(0, 1).flatten(1).double().std(dim=1).to(inputs.dtype)
        scale = torch.where(deviation > 0, deviation, 1.0).reshape(1, -1, *[1] * (inputs.ndim - 2))
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("inputs", (inputs / scale).flatten(1), persistent=False)
        self.register_buffer("answers", to_tensor(training, out_fields, torch.float32, share=True), persistent=False)

    def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        """Return the answers of the nearest samples."""
        return self.answers[torch.cdist((x / self.scale).flatten(1), self.inputs).argmin(1)]
