"""What all members of a comparison are given, and what they are measured against."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import xarray as xr

from surrogate.datasets.samples.tensors import to_tensor
from surrogate.evaluation.alignment import align
from surrogate.evaluation.cost_cache import CostCache
from surrogate.evaluation.members import Member
from surrogate.evaluation.point_scores import PointTarget
from surrogate.evaluation.quantities import Quantity, evaluate, mean_quantities, quantity_errors
from surrogate.evaluation.reference import MARGIN
from surrogate.evaluation.schedule import Schedule
from surrogate.evaluation.scores import Target
from surrogate.evaluation.seeds import as_ensemble, mean_over_seeds, over_seeds
from surrogate.evaluation.summary import Row, statistics
from surrogate.evaluation.tasks import PointTask, RolloutTask, Task
from surrogate.evaluation.timing import Cost, cost
from surrogate.initial_value import InitialValue, initial_value, read_parameters
from surrogate.operator import Operator, Stepper
from surrogate.point_inputs import given_samples
from surrogate.prediction import predict
from surrogate.rollouts import rollout


@dataclass(frozen=True)
class Entry:
    """A member with its lines in the table, one for each device on which it was timed.

    ``scores`` are means over its seeds, ``seed_scores`` those of each; ``predicted`` is the answer of the first seed;
    ``timing_seconds`` is what timing it took.
    """

    rows: tuple[Row, ...]
    scores: xr.Dataset
    seed_scores: xr.Dataset
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
    devices, seed
        Where all are timed, and on the first of which all predict; of the bootstrap.
    costs
        What is known of the costs of solvers.
    """

    fields: xr.Dataset
    target: Target | PointTarget
    schedule: Schedule | None
    floor: float | None
    quantities: Mapping[str, Quantity]
    devices: tuple[torch.device, ...]
    seed: int
    costs: CostCache

    def enter(self, member: Member, budget: float | None) -> Entry:
        """Let a member predict, score it, and time it unless it is a baseline or a solver that blew up."""
        answers = self.answers(member)
        scores = over_seeds([self.target.score(fields) for fields in answers])
        numbers = statistics(scores, self.seed)
        if len(answers) > 1 and isinstance(self.target, Target):
            scores = scores.merge(as_ensemble(answers, self.target))
        quantities = [quantity_errors(evaluate(self.quantities, f), self.true_quantities) for f in answers]
        row = Row(
            name=member.name,
            kind=member.kind,
            note=member.note,
            precision=_precision(member),
            statistics=numbers,
            ranked=self.floor is None or numbers.error >= MARGIN * self.floor,
            quantities=mean_quantities(quantities),
            planning_seconds=member.planning_seconds,
            cost=None if member.recorded is None else member.recorded.cost,
            device=str(self.devices[0]),
            hardware="" if member.recorded is None else member.recorded.hardware,
        )
        began = time.perf_counter()
        rows = self._timed(row, member, budget)
        seconds = time.perf_counter() - began
        return Entry(rows, mean_over_seeds(scores), scores, answers[0], seconds)

    def answers(self, member: Member) -> list[xr.Dataset]:
        """Return what each seed of a member, or a recorded run, says of the compared frames."""
        if member.recorded is not None:
            run = member.recorded
            return [align(run.fields, self.fields, self.target.names, self.schedule, of=run.label)]
        return [self._predicted(operator) for operator in member.seeds]

    def _timed(self, row: Row, member: Member, budget: float | None) -> tuple[Row, ...]:
        """Return the row with its cost on each device; all seeds cost the same, the first is timed."""
        worth_timing = row.kind == "surrogate" or (row.kind == "solver" and not row.statistics.blown_up)
        if not worth_timing or not member.seeds:
            return (row,)
        share = None if budget is None else budget / len(self.devices)
        task = self._task(member.seeds[0])
        case = self.fields.attrs.get("case")

        def price(device: torch.device) -> Cost:
            there = replace(task, device=device)
            if row.kind == "surrogate":
                return cost(there, budget=share)
            return self.costs.measure(there, case, budget=share)

        return tuple(replace(row, cost=price(device), device=str(device)) for device in self.devices)

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
            return predict(operator, given, device=self.devices[0])
        assert self.schedule is not None
        steps, every = self.schedule.steps(operator)
        return rollout(
            operator, given, steps=steps, every=every, device=self.devices[0], keep_going=True, progress=False
        )

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
            return PointTask(operator, self.devices[0], given_samples(operator, given))
        if not isinstance(operator, Stepper):
            return RolloutTask(operator, self.devices[0], _steady_start(operator, given))
        assert self.schedule is not None
        return RolloutTask(operator, self.devices[0], initial_value(operator, given), *self.schedule.steps(operator))


def compared(fields: xr.Dataset, names: Sequence[str], schedule: Schedule | None) -> xr.Dataset:
    """Return the compared frames of ``fields``."""
    chosen = fields[list(names)].assign_coords(fields.coords)
    return chosen if schedule is None else chosen.isel(time=schedule.frames)


def _precision(member: Member) -> str:
    if member.recorded is not None:
        return member.recorded.dtype
    return str(member.seeds[0].dtype).removeprefix("torch.")


def _steady_start(operator: Operator, fields: xr.Dataset) -> InitialValue:
    dtype, names = operator.dtype, operator.static_fields
    return InitialValue(
        state=to_tensor(fields, operator.in_fields, dtype),
        start=0.0,
        static=to_tensor(fields, names, dtype) if names else None,
        forcing=None,
        parameters=read_parameters(operator, fields),
    )
