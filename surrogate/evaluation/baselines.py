"""Predictions that know nothing of the equation: every surrogate must beat them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.evaluation.linear_baselines import LinearStep, SteadyLinearMap
from surrogate.evaluation.members import Member
from surrogate.evaluation.nearest_baselines import NearestTrajectory, SteadyNearestSample
from surrogate.evaluation.point_baselines import NearestSample, PointMean, RidgeMap
from surrogate.evaluation.point_scores import PointTarget
from surrogate.evaluation.schedule import Schedule
from surrogate.evaluation.scores import Target
from surrogate.operator import Operator, Stepper

_ALONE = "No training mean and the like: give the truth as a part of what `prepare` returned."


class Persistence(Stepper):
    """The state does not change: every new frame is the last given one.

    Parameters
    ----------
    names
        Fields of the state.
    domain
        Their grid.
    dt
        Time between two frames.
    """

    def __init__(self, names: tuple[str, ...], domain: Grid, *, dt: float) -> None:
        super().__init__()
        self.in_fields = self.out_fields = names
        self.domain, self.dt = domain, dt

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        """Return the state."""
        return state


class TrainingMean(Stepper):
    """The mean of the training trajectories at the same lead time, whatever the state (the climatology).

    Parameters
    ----------
    training
        The training part, cut to the times to be predicted: frame k is the answer to step k + 1.
    names
        Fields of the state.
    dt
        Time between two frames.
    """

    means: Tensor

    def __init__(self, training: xr.Dataset, names: tuple[str, ...], *, dt: float) -> None:
        super().__init__()
        self.in_fields = self.out_fields = names
        self.domain, self.dt = Grid.from_fields(training), dt
        self.register_buffer("means", to_tensor(training, names, torch.float64).mean(dim=0), persistent=False)

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Any:
        """Carry the number of samples and of steps done."""
        return len(state), 0

    def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
        """Return the mean at the next lead time."""
        samples, done = carry
        mean = self.means[done]
        return (samples, done + 1), mean.expand(samples, *mean.shape)


class SteadyTrainingMean(Operator):
    """The mean of the training targets, whatever the input.

    Parameters
    ----------
    training
        The training part.
    in_fields, out_fields
        Names of inputs and targets.
    """

    mean: Tensor

    def __init__(self, training: xr.Dataset, in_fields: tuple[str, ...], out_fields: tuple[str, ...]) -> None:
        super().__init__()
        self.in_fields, self.out_fields = in_fields, out_fields
        self.domain = Grid.from_fields(training)
        self.register_buffer("mean", to_tensor(training, out_fields, torch.float64).mean(dim=0), persistent=False)

    def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        """Return the mean for each sample."""
        return self.mean.expand(len(x), *self.mean.shape)


def baselines(
    target: Target | PointTarget, first: Operator, schedule: Schedule | None, training: xr.Dataset | None
) -> tuple[list[Member], list[str]]:
    """Return the trivial predictions that the data allow, and sentences on those that they do not."""
    if isinstance(target, PointTarget):
        return ([], [_ALONE]) if training is None else (_on_points(first, training), [])
    members: list[Member] = []
    if schedule is not None:
        dt = schedule.stride * schedule.dt
        members.append(Member("persistence", "baseline", (Persistence(target.names, target.grid, dt=dt),)))
    if training is None:
        return members, [_ALONE]
    if Grid.from_fields(training).shape != target.grid.shape:
        return members, ["No training mean and the like: the training part lies on another grid."]
    if schedule is None:
        return [*members, *_steady(first, target.names, training)], []
    if training.sizes["time"] <= schedule.frames[-1]:
        return members, ["No training mean and the like: the training part is shorter than the truth."]
    return [*members, *_stepping(target.names, training, schedule)], []


def _stepping(names: tuple[str, ...], training: xr.Dataset, schedule: Schedule) -> list[Member]:
    mean = TrainingMean(training.isel(time=schedule.frames), names, dt=schedule.stride * schedule.dt)
    found = {
        "training mean": (mean, "mean of the training trajectories at the same lead time"),
        "linear": (LinearStep(training, names, schedule), "linear step of the training part's principal modes (DMD)"),
        "nearest trajectory": (
            NearestTrajectory(training, names, schedule),
            "what followed the nearest state in the training part",
        ),
    }
    return _members(found)


def _steady(first: Operator, names: tuple[str, ...], training: xr.Dataset) -> list[Member]:
    found = {
        "training mean": (SteadyTrainingMean(training, first.in_fields, names), "mean of the training targets"),
        "linear": (SteadyLinearMap(training, first.in_fields, names), "linear map fitted to the training part (ridge)"),
        "nearest sample": (
            SteadyNearestSample(training, first.in_fields, names),
            "answer of the training sample with the nearest inputs",
        ),
    }
    return _members(found)


def _on_points(first: Operator, training: xr.Dataset) -> list[Member]:
    found = {
        "training mean": (PointMean(training, first), "mean of the training targets"),
        "nearest sample": (NearestSample(training, first), "answer of the training sample with the nearest inputs"),
        "ridge": (RidgeMap(training, first), "linear map on a grid, fitted to the training part"),
    }
    return _members(found)


def _members(found: Mapping[str, tuple[Operator, str]]) -> list[Member]:
    return [Member(name, "baseline", (operator,), note) for name, (operator, note) in found.items()]
