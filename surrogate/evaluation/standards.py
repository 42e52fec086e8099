"""What all members are measured against: the reference, and what is to be predicted of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import xarray as xr

from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.evaluation.coarse import Coarse
from surrogate.evaluation.coarse_steady import CoarseSteady
from surrogate.evaluation.members import Member, operators_of
from surrogate.evaluation.point_scores import PointTarget
from surrogate.evaluation.reference import Reference, refine, regenerate
from surrogate.evaluation.schedule import Schedule, agree
from surrogate.evaluation.scores import Target, reference_scores
from surrogate.operator import Operator, Stepper


def schedule_of(players: Sequence[Member], truth: xr.Dataset, steps: int | None) -> Schedule | None:
    """Return the times at which all can be compared, None for steady maps."""
    operators = operators_of(players)
    steppers = {name: operator for name, operator in operators if isinstance(operator, Stepper)}
    if len(steppers) == len(operators):
        return agree(steppers, truth, steps)
    if steppers:
        raise expected("solvers of the kind of the candidates", "steps in time and steady maps", "Leave one kind out.")
    if steps is not None:
        raise expected("no `steps` for steady maps", steps, "Leave it out.")
    return None


def reference_of(
    case: Case | SteadyCase | None,
    players: Sequence[Member],
    truth: xr.Dataset,
    device: torch.device,
    progress: bool,
) -> Reference:
    """Return the reference: solved again for a case, else the truth itself, which no solver may be finer than."""
    if isinstance(case, Case):
        recorded = [member.recorded.shape for member in players if member.recorded is not None]
        operators = [operator for _, operator in operators_of(players)]
        return regenerate(case, truth, operators, shapes=recorded, device=device, progress=progress)
    if not is_on_points(truth):
        _refuse_finer(players, truth)
    return Reference(truth, None, None) if case is None else refine(case, truth, device=device)


def _refuse_finer(players: Sequence[Member], truth: xr.Dataset) -> None:
    """Raise `InputError` if a solver is finer than the truth, of which the reference has the points."""
    grid = Grid.from_fields(truth)
    for member in players:
        own = _shape(member)
        if member.kind == "solver" and any(n > m for n, m in zip(own, grid.shape, strict=True)):
            do = "Give the case, so that a finer reference can be made, or leave that solver out."
            raise expected(f"solvers at most as fine as the truth {grid.shape}", f"{member.name!r} on {own}", do)


def target_of(
    first: Operator, fields: xr.Dataset, schedule: Schedule | None, case: Case | None
) -> Target | PointTarget:
    """Return what is to be predicted of ``fields``."""
    if first.functions:
        return PointTarget.from_fields(fields, first.out_fields, first.domain.location)
    names, grid = first.out_fields, Grid.from_fields(fields)
    frames = to_tensor(fields, names, torch.float64)
    if schedule is None:
        return Target(names, grid, frames.unsqueeze(1), torch.zeros(1).double().numpy())
    invariants = None if case is None else getattr(case.solver(grid.shape[0]), "invariants", None)
    initial, later = frames[:, schedule.first], frames[:, torch.as_tensor(schedule.frames)]
    return Target(names, grid, later, schedule.lead_times, initial, invariants)


def own_scores(reference: Reference, target: Target | PointTarget, schedule: Schedule | None) -> xr.Dataset:
    """Return spectrum and error of the reference itself, as far as they are known."""
    if isinstance(target, PointTarget):
        return xr.Dataset()
    refined = None
    if reference.refined is not None:
        refined = to_tensor(reference.refined, target.names, torch.float64)
        refined = refined.unsqueeze(1) if schedule is None else refined[:, torch.as_tensor(schedule.frames)]
    return reference_scores(target, refined)


def _shape(member: Member) -> tuple[int, ...]:
    if member.recorded is not None:
        return member.recorded.shape
    operator = member.seeds[0]
    shape: tuple[int, ...] = (operator.solver if isinstance(operator, Coarse | CoarseSteady) else operator).domain.shape
    return shape
