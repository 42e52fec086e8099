"""The equation that data should satisfy: from their attributes, or as the user names it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import xarray as xr

import surrogate.cases
import surrogate.solvers
from surrogate.auditing.finding import NotApplicable
from surrogate.auditing.naming import named_as
from surrogate.cases.problem import Problem
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.box import Box
from surrogate.datasets.domain import domain_of, is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import uniform_step
from surrogate.datasets.grid import Grid
from surrogate.operator import Operator, Stepper
from surrogate.solvers.darcy import Darcy
from surrogate.solvers.poisson_points import PoissonOnPoints

UNKNOWN = "no equation known. Name it with equation= (--equation), such as 'burgers'"


@dataclass(frozen=True)
class Equation:
    """A solver whose fields have the names and the points of the data.

    ``steps`` is how many of its steps lead from one frame to the next, ``samples`` on how many samples checks that cost
    a solution are to be tried (None: all, and all frames).
    """

    solver: Operator
    steps: int = 1
    samples: int | None = 8


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
    return named, Equation(solver, _steps(solver, named), samples)


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
        settings = json.loads(fields.attrs["case"])
        kind = getattr(surrogate.cases, str(settings["case"]), None)
    except (KeyError, TypeError, ValueError):
        raise NotApplicable(UNKNOWN) from None
    if not (isinstance(kind, type) and issubclass(kind, Problem)):
        raise NotApplicable(f"the case {settings['case']!r} is not one of ours")
    return kind.from_settings(settings)


def named_solver(name: str, fields: xr.Dataset, parameters: Mapping[str, Any]) -> Operator:
    """Return the solver of that name on the points of ``fields``; its constants are ``parameters``, or in the data.

    Raises
    ------
    InputError
        There is none, or a constant is neither given nor in the data.
    """
    kinds = {key.lower(): getattr(surrogate.solvers, key) for key in dir(surrogate.solvers)}
    kind = kinds.get(name.lower().replace("_", "").replace("-", ""))
    if name.lower() == "poisson":
        kind = PoissonOnPoints
    if not (isinstance(kind, type) and issubclass(kind, Operator) and "grid" in inspect.signature(kind).parameters):
        if kind is PoissonOnPoints:
            return PoissonOnPoints(Box.from_fields(fields))
        known = [*(key for key, made in kinds.items() if hasattr(made, "equation") and made.in_fields)]
        raise expected(f"an equation out of {', '.join(known)}", repr(name), "Correct `equation`.")
    grid, options = Grid.from_fields(fields), dict(parameters)
    if issubclass(kind, Darcy):
        grid = replace(grid, boundary=tuple(tuple(map(_closed, sides)) for sides in grid.boundary))
        if "source" in fields and fields["source"].dims not in ((), ("sample",)):
            options.setdefault("source", None)
    accepted = inspect.signature(kind).parameters
    unknown = sorted(options.keys() - accepted.keys())
    if unknown:
        raise expected(f"parameters of {kind.__name__} out of {list(accepted)}", unknown, "Correct `parameters`.")
    if "dt" in accepted:
        options.setdefault("dt", uniform_step(fields))
    if "substeps" in accepted:
        options.setdefault("substeps", "adaptive")
    for key, parameter in accepted.items():
        if parameter.default is parameter.empty and key not in ("grid", *options):
            if key not in fields:
                raise expected(f"{key} of the equation {kind.__name__}", "none", f"Give parameters={{{key!r}: ...}}.")
            options[key] = float(fields[key].values.flat[0])  # the solver takes those of each sample from the data
    solver: Operator = kind(grid, **options)
    return solver


def _closed(side: str) -> str:
    """Return the side of a grid whose boundary nobody stated (``wall``) as that of the equation."""
    return "dirichlet" if side == "wall" else side


def _steps(solver: Operator, fields: xr.Dataset) -> int:
    """Return how many steps of the solver lead from frame to frame."""
    if not isinstance(solver, Stepper) or fields.sizes.get("time", 1) < 2:
        return 1
    ratio = uniform_step(fields) / solver.dt
    if abs(ratio / max(1, round(ratio)) - 1) > 1e-3:
        raise expected(f"frames some steps of dt={solver.dt:.6g} apart", f"{uniform_step(fields):.6g}", "Correct one.")
    return round(ratio)
