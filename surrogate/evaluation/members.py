"""Who takes part in a comparison."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import xarray as xr

from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.evaluation.coarse import Coarse
from surrogate.evaluation.coarse_steady import CoarseSteady
from surrogate.evaluation.recorded import Recorded
from surrogate.initial_value import check_fit
from surrogate.operator import Operator, Stepper

Kind = Literal["surrogate", "solver", "baseline"]
Candidates = Mapping[str, Operator | Sequence[Operator]]
Solvers = Mapping[str, Operator | Recorded] | Sequence[Operator | Recorded]

MADE_THE_DATA = "the solver that made the data"


@dataclass(frozen=True)
class Member:
    """Somebody in their part: judged (``surrogate``), on the front (``solver``) or beneath notice (``baseline``).

    ``seeds`` are operators that differ by the seed of their training, mostly one; what is ``recorded`` has none.
    ``planning_seconds`` is what it took to set it up (coefficients, plans).
    """

    name: str
    kind: Kind
    seeds: tuple[Operator, ...] = ()
    note: str = ""
    planning_seconds: float = 0.0
    recorded: Recorded | None = None


def operators_of(members: Iterable[Member]) -> list[tuple[str, Operator]]:
    """Return name and first operator of all members that have one."""
    return [(member.name, member.seeds[0]) for member in members if member.seeds]


def candidates_of(candidates: Candidates, truth: xr.Dataset) -> list[Member]:
    """Return the candidates; raise `InputError` unless they fit the truth and predict the same fields."""
    if not isinstance(candidates, Mapping) or not candidates:
        raise expected("at least one candidate by name", repr(candidates), 'Give {"name": surrogate}.')
    members = [Member(str(name), "surrogate", _seeds(name, given)) for name, given in candidates.items()]
    first = members[0].seeds[0]
    for name, operator in ((member.name, operator) for member in members for operator in member.seeds):
        if isinstance(operator, Stepper) != isinstance(first, Stepper):
            do = "Compare steppers with steppers and steady maps with steady maps."
            raise expected("candidates of one kind", f"steps in time and steady maps ({name!r})", do)
        if set(operator.out_fields) != set(first.out_fields):
            got = f"{operator.out_fields} of {name!r}"
            raise expected(f"candidates that predict {first.out_fields}", got, "Compare them separately.")
        check_fit(operator, truth, operator.in_fields)
    return members


def solvers_of(solvers: Solvers | None, case: Case | SteadyCase | None, truth: xr.Dataset) -> list[Member]:
    """Return the given solvers, else those of the case, else none; on grids each on that of ``truth``."""
    grid = None if is_on_points(truth) else Grid.from_fields(truth)
    if isinstance(case, SteadyCase) and solvers is None:
        return _steady_ladder(case, grid)
    if solvers is None:
        return [] if not isinstance(case, Case) or grid is None else _ladder(case, truth, grid)
    members = []
    for name, solver in _named(solvers).items():
        if isinstance(solver, Recorded):
            members.append(Member(name, "solver", recorded=solver))
            continue
        operator = solver if grid is None else _on_grid(solver, grid)
        check_fit(operator, truth, operator.in_fields)
        members.append(Member(name, "solver", (operator,), _note(solver, truth)))
    return members


def check_names(members: Sequence[Member]) -> None:
    """Raise `InputError` if two members, or a member and the reference, have the same name."""
    names = ["reference", *(member.name for member in members)]
    double = [name for name in names if names.count(name) > 1]
    if double:
        raise expected("names that differ", f"{double[0]!r} twice", "Rename the candidate.")


def _seeds(name: str, given: Any) -> tuple[Operator, ...]:
    """Return the models of all seeds: of one class, with the same fields and the same time step."""
    seeds = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not seeds:
        raise expected(f"at least one model as {name!r}", "none", "Give a surrogate for each seed.")
    for operator in seeds:
        if not isinstance(operator, Operator):
            raise expected(f"a surrogate or a solver as {name!r}", type(operator).__name__, "Load or build it first.")
    forms = {_form(operator) for operator in seeds}
    if len(forms) > 1:
        do = "Give models that differ by seed only, and others under a name of their own."
        raise expected(f"seeds of one model as {name!r}", f"{len(forms)} kinds", do)
    return seeds


def _form(operator: Operator) -> tuple[object, ...]:
    """Return what models that differ by seed have in common."""
    shapes = tuple((key, tuple(value.shape)) for key, value in operator.state_dict().items())
    step = (operator.dt, operator.history, operator.horizon) if isinstance(operator, Stepper) else None
    return type(operator), operator.in_fields, operator.out_fields, step, shapes


def _named(solvers: Any) -> dict[str, Operator | Recorded]:
    """Return solvers by name: in a list a recorded one has its own, another that of its class."""
    pairs = solvers.items() if isinstance(solvers, Mapping) else [(_own_name(solver), solver) for solver in solvers]
    named: dict[str, Operator | Recorded] = {}
    for name, solver in pairs:
        if not isinstance(solver, Operator | Recorded):
            raise expected(f"a solver as {name!r}", type(solver).__name__, "Give a solver, or a network as candidate.")
        if name in named:
            raise expected("solvers with names that differ", f"{name!r} twice", "Give them by name, as a mapping.")
        named[str(name)] = solver
    return named


def _own_name(solver: object) -> str:
    return solver.label if isinstance(solver, Recorded) else type(solver).__name__


def _ladder(case: Case, truth: xr.Dataset, grid: Grid) -> list[Member]:
    members = []
    for choice in case.ladder():
        began = time.perf_counter()
        solver = case.solver(*choice)
        seconds = time.perf_counter() - began
        count = f"{choice.substeps} substep{'s' if choice.substeps > 1 else ''}"
        name = f"n={choice.resolution}, {choice.scheme}, {count}, {str(choice.dtype).removeprefix('torch.')}"
        members.append(Member(name, "solver", (_on_grid(solver, grid),), _note(solver, truth), seconds))
    return members


def _steady_ladder(case: SteadyCase, grid: Grid | None) -> list[Member]:
    """Return the solvers of a case that are at most as fine as the truth."""
    ladder = case.ladder()
    best, members = next(reversed(list(ladder)), None), []
    for name, solver in ladder.items():
        if grid is None or all(n <= m for n, m in zip(solver.domain.shape, grid.shape, strict=True)):
            operator = solver if grid is None else _on_grid(solver, grid)
            members.append(Member(name, "solver", (operator,), MADE_THE_DATA if name == best else ""))
    return members


def _on_grid(solver: Operator, grid: Grid) -> Operator:
    if not isinstance(solver.domain, Grid) or solver.domain.shape == grid.shape:
        return solver  # the check of the fit refuses meshes
    return Coarse(solver, grid) if isinstance(solver, Stepper) else CoarseSteady(solver, grid)


def _note(solver: Operator, truth: xr.Dataset) -> str:
    """Return whether this solver made the truth: it has its settings, and on a grid its points."""
    gridded = isinstance(solver.domain, Grid) and not is_on_points(truth)
    if "solver" not in truth.attrs or (gridded and solver.domain.shape != Grid.from_fields(truth).shape):
        return ""
    return MADE_THE_DATA if json.loads(truth.attrs["solver"]) == json.loads(json.dumps(dict(solver.settings))) else ""
