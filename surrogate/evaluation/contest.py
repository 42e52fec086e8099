"""What all members of a comparison are given, and what they are measured against."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import xarray as xr

from surrogate.datasets.tensors import to_tensor
from surrogate.evaluation.members import Member
from surrogate.evaluation.point_scores import PointTarget
from surrogate.evaluation.quantities import Quantity, evaluate, quantity_errors
from surrogate.evaluation.reference import MARGIN
from surrogate.evaluation.schedule import Schedule
from surrogate.evaluation.scores import Target
from surrogate.evaluation.summary import Row, statistics
from surrogate.evaluation.tasks import PointTask, RolloutTask, Task
from surrogate.evaluation.timing import cost
from surrogate.initial_value import InitialValue, initial_value, read_parameters
from surrogate.operator import Operator, Stepper
from surrogate.point_inputs import given_samples
from surrogate.prediction import predict
from surrogate.rollouts import rollout


@dataclass(frozen=True)
class Entry:
    """A member with its line in the table, its scores, its predictions and the seconds that timing it took."""

    row: Row
    scores: xr.Dataset
    predicted: xr.Dataset
    timing_seconds: float


@dataclass(frozen=True)
class Contest:
    """One task for all.

    Attributes
    ----------
    fields
        The given frames and all that is not state. No member reads a later state.
    target
        What is to be predicted.
    schedule
        Which times are compared, None for steady maps.
    floor
        Error of the reference, None if unknown.
    quantities
        The user's quantities of interest.
    device, seed
        Where all compute; of the bootstrap.
    """

    fields: xr.Dataset
    target: Target | PointTarget
    schedule: Schedule | None
    floor: float | None
    quantities: Mapping[str, Quantity]
    device: torch.device
    seed: int

    def enter(self, member: Member, budget: float | None) -> Entry:
        """Let a member predict, score it, and time it unless it is a baseline or a solver that blew up."""
        predicted = self._predicted(member.operator)
        scores = self.target.score(predicted)
        numbers = statistics(scores, self.seed)
        began = time.perf_counter()
        worth_timing = member.kind == "surrogate" or (member.kind == "solver" and not numbers.blown_up)
        price = cost(self._task(member.operator), budget=budget) if worth_timing else None
        seconds = time.perf_counter() - began
        row = Row(
            member.name,
            member.kind,
            member.note,
            str(member.operator.dtype).removeprefix("torch."),
            numbers,
            ranked=self.floor is None or numbers.error >= MARGIN * self.floor,
            quantities=quantity_errors(evaluate(self.quantities, predicted), self.true_quantities),
            planning_seconds=member.planning_seconds,
            cost=price,
        )
        return Entry(row, scores, predicted, seconds)

    @cached_property
    def true_quantities(self) -> xr.Dataset:
        """The user's quantities of the reference."""
        return evaluate(self.quantities, self.true_fields)

    @cached_property
    def true_fields(self) -> xr.Dataset:
        """The compared frames of the reference."""
        return compared(self.fields, self.target.names, self.schedule)

    def _predicted(self, operator: Operator) -> xr.Dataset:
        given = self._given(operator)
        if not isinstance(operator, Stepper):
            return predict(operator, given, device=self.device)
        assert self.schedule is not None
        steps, every = self.schedule.steps(operator)
        return rollout(operator, given, steps=steps, every=every, device=self.device, keep_going=True, progress=False)

    def _given(self, operator: Operator) -> xr.Dataset:
        """Return what the operator starts from, without constants that it holds already."""
        known = [
            name
            for name in operator.parameter_fields
            if name in self.fields and self.fields[name].ndim == 0
            if operator.settings.get(name) == float(self.fields[name])
        ]
        fields = self.fields.drop_vars(known)
        if self.schedule is None:
            return fields
        assert isinstance(operator, Stepper)
        return self.schedule.given(operator, fields)

    def _task(self, operator: Operator) -> Task:
        given = self._given(operator)
        if operator.functions:
            return PointTask(operator, self.device, given_samples(operator, given))
        if not isinstance(operator, Stepper):
            return RolloutTask(operator, self.device, _steady_start(operator, given))
        assert self.schedule is not None
        return RolloutTask(operator, self.device, initial_value(operator, given), *self.schedule.steps(operator))


def compared(fields: xr.Dataset, names: Sequence[str], schedule: Schedule | None) -> xr.Dataset:
    """Return the compared frames of ``fields``."""
    chosen = fields[list(names)].assign_coords(fields.coords)
    return chosen if schedule is None else chosen.isel(time=schedule.frames)


def _steady_start(operator: Operator, fields: xr.Dataset) -> InitialValue:
    dtype, names = operator.dtype, operator.static_fields
    return InitialValue(
        state=to_tensor(fields, operator.in_fields, dtype),
        start=0.0,
        static=to_tensor(fields, names, dtype) if names else None,
        forcing=None,
        parameters=read_parameters(operator, fields),
    )
