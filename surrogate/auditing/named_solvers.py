"""Solvers by the name of their equation, on the points of data."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

import surrogate.solvers
from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import uniform_step
from surrogate.datasets.grids.box import Box
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.operator import Operator
from surrogate.solvers.darcy import Darcy
from surrogate.solvers.poisson_points import PoissonOnPoints


def named_solver(name: str, fields: xr.Dataset, parameters: Mapping[str, Any]) -> Operator:
    """Return the solver of that name on the points of ``fields``; its constants are ``parameters``, or in the data.

    Underscores and capitals do not matter; ``"poisson"`` is that on meshes. Grids whose sides nobody stated have zero
    pressure there for ``"darcy"``.

    Raises
    ------
    InputError
        There is none, or a constant is neither given nor in the data.
    """
    kinds = _kinds()
    kind = kinds.get(name.lower().replace("_", ""))
    if kind is None:
        raise expected(f"an equation out of {', '.join(kinds)}", repr(name), "Correct `equation`.")
    if kind is PoissonOnPoints:
        if not is_on_points(fields):
            raise expected("fields on a mesh for the equation 'poisson'", "a grid", "On grids use 'darcy'.")
        return PoissonOnPoints(Box.from_fields(fields))
    grid = Grid.from_fields(fields)
    if kind is Darcy:
        sides = [tuple("dirichlet" if side == "wall" else side for side in pair) for pair in grid.boundary]
        grid = replace(grid, boundary=tuple((low, high) for low, high in sides))
    solver: Operator = kind(grid, **_arguments(kind, fields, parameters))
    return solver


def _kinds() -> dict[str, Any]:
    """Return the solvers on grids by their names in small letters, and that on meshes."""
    every = {name: getattr(surrogate.solvers, name) for name in dir(surrogate.solvers)}
    on_grids = {name.lower(): kind for name, kind in every.items() if _is_solver(kind)}
    return on_grids | {"poisson": PoissonOnPoints}


def _is_solver(kind: Any) -> bool:
    return (
        isinstance(kind, type)
        and issubclass(kind, Operator)
        and not inspect.isabstract(kind)
        and "grid" in inspect.signature(kind).parameters
        and "constants" not in inspect.signature(kind).parameters
    )


def _arguments(kind: Any, fields: xr.Dataset, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a solver beside its grid."""
    accepted, given = inspect.signature(kind).parameters, dict(parameters)
    unknown = sorted(given.keys() - accepted.keys())
    if unknown:
        raise expected(f"parameters of {kind.__name__} out of {list(accepted)[1:]}", unknown, "Correct `parameters`.")
    if "dt" in accepted:
        given.setdefault("dt", uniform_step(fields))
    if "substeps" in accepted:
        given.setdefault("substeps", "adaptive")
    if kind is Darcy and "source" in fields and not _is_constant(fields, "source"):
        given.setdefault("source", None)
    needed = [name for name, parameter in accepted.items() if parameter.default is parameter.empty and name != "grid"]
    for name in needed:
        if name not in given:
            given[name] = _in_data(kind, name, fields)
        if np.asarray(given[name]).dtype.kind not in "iuf":
            raise expected(f"a number as {name} of the equation {kind.__name__}", repr(given[name]), "Correct it.")
    return given


def _in_data(kind: Any, name: str, fields: xr.Dataset) -> float | list[float]:
    """Return a constant, or its components; steps then take those of each sample from the data."""
    parts = [f"{name}_{axis}" for axis in AXES if axis in fields.dims]
    for names in ([name], parts):
        if all(_is_constant(fields, each) for each in names):
            values = [float(fields[each].values.flat[0]) for each in names]
            return values[0] if names == [name] else values
    do = f"Give it: parameters={{{name!r}: ...}} (--parameters.{name} VALUE)."
    raise expected(f"the {name} of the equation {kind.__name__}", "none", do)


def _is_constant(fields: xr.Dataset, name: str) -> bool:
    """Return whether this is one number, or one for each sample."""
    return name in fields and fields[name].dims in ((), ("sample",))
