"""The equation that data should satisfy: from their attributes, or as the user names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from surrogate.auditing.finding import NotApplicable
from surrogate.auditing.named_solvers import named_solver
from surrogate.auditing.naming import named_as
from surrogate.cases.problem import Problem
from surrogate.cases.steady_case import SteadyCase
from surrogate.cases.stored import stored_case
from surrogate.datasets.domain import domain_of, is_on_points
from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.fields import uniform_step
from surrogate.operator import Operator, Stepper

UNKNOWN = "no equation known. Name it with equation= (--equation), such as 'burgers'"


@dataclass(frozen=True)
class Equation:
    """A solver whose fields have the names and the points of the data.

    ``steps`` is how many of its steps lead from one frame to the next, ``samples`` on how many samples checks that cost
    a solution are to be tried (None: all, and all frames). ``own`` tells that the data name it themselves.
    """

    solver: Operator
    steps: int = 1
    samples: int | None = 8
    own: bool = False


def equation_of(
    fields: xr.Dataset, given: str | Operator | Problem | None, parameters: Mapping[str, Any], samples: int | None
) -> tuple[xr.Dataset, Equation]:
    """Return ``fields`` under the names that their equation uses, and this.

    Raises
    ------
    NotApplicable
        None is known.
    InputError
        It is not one of ours, or one of other fields or other points.
    """
    solver, like_data = _solver_of(fields, given, parameters)
    named = named_as(solver, fields)
    if not is_on_points(named) and not like_data:
        solver.check_domain(domain_of(named))
    return named, Equation(solver, _steps(solver, named), samples, own=given is None)


def _solver_of(
    fields: xr.Dataset, given: str | Operator | Problem | None, parameters: Mapping[str, Any]
) -> tuple[Operator, bool]:
    """Return the solver, and whether it was made for the points of the data."""
    if isinstance(given, Operator):
        return given, False
    if isinstance(given, str):
        return named_solver(given, fields, parameters), True
    case = _case_of(fields) if given is None else given
    if isinstance(case, SteadyCase) and case.solver().out_fields != case.out_fields:
        raise NotApplicable(f"{type(case).__name__} has no solver of its own problem")
    solver: Operator = case.solver()  # type: ignore[attr-defined]  # of Case and of SteadyCase
    return solver, False


def _case_of(fields: xr.Dataset) -> Problem:
    """Return the case that the attributes describe."""
    try:
        case = stored_case(fields)
    except (InputError, AttributeError, KeyError, TypeError, ValueError) as error:  # of another version, or no case
        raise NotApplicable(f"the case of the data cannot be made: {error!r}") from error
    if case is None:
        raise NotApplicable(
            f"the case {fields.attrs['case']} is not one of ours" if "case" in fields.attrs else UNKNOWN
        )
    return case


def _steps(solver: Operator, fields: xr.Dataset) -> int:
    """Return how many steps of the solver lead from frame to frame."""
    if not isinstance(solver, Stepper) or fields.sizes.get("time", 1) < 2:
        return 1
    ratio = uniform_step(fields) / solver.dt
    if abs(ratio / max(1, round(ratio)) - 1) > 1e-3:
        raise expected(f"frames some steps of dt={solver.dt:.6g} apart", f"{uniform_step(fields):.6g}", "Correct one.")
    return round(ratio)
