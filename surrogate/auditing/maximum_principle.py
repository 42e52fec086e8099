"""The maximum principle: without sources a diffused quantity has its extremes on the boundary."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import n_samples, ranges_of, samples_of
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.known_equation import Equation
from surrogate.auditing.words import some
from surrogate.operator import Operator
from surrogate.solvers.darcy import Darcy
from surrogate.solvers.poisson import Poisson
from surrogate.solvers.poisson_points import PoissonOnPoints

# Of the largest value of a sample: above the round-off of single precision and the tolerance of solvers (1e-6).
_ROUND_OFF = 1e-5


def maximum_principle(fields: xr.Dataset, equation: Equation) -> Iterator[Finding]:
    r"""Find solutions of :math:`-\nabla \cdot (a \nabla u) = f` beyond what u is on the boundary.

    Where f and the inward flux are nowhere negative, u is nowhere below its smallest Dirichlet value; where they are
    nowhere positive, nowhere above the largest.
    """
    solver = equation.solver
    if not isinstance(solver, Darcy | Poisson | PoissonOnPoints):
        raise NotApplicable("the equation has no maximum principle that is known")
    lowest, highest = _bounds(solver, fields)
    if not np.isfinite([lowest, highest]).any():
        raise NotApplicable("in every sample there are sources of both signs")
    name = solver.out_fields[0]
    low, high = ranges_of(fields, name).T
    size = np.fmax(np.abs(low), np.abs(high))
    for side, excess in (("below", lowest - low), ("above", high - highest)):
        beyond = np.flatnonzero(excess > _ROUND_OFF * size)
        if len(beyond):
            worst = int(beyond[np.argmax((excess / size)[beyond])])
            message = (
                f"goes {side} what the maximum principle allows in {some(beyond.tolist(), n_samples(fields))}: sample "
                f"{worst} from {low[worst]:.4g} to {high[worst]:.4g}, though {_allowed(lowest[worst], highest[worst])}"
            )
            cure = "No solution of this equation has such values; do not use them as truth (interpolation? scaling?)."
            yield Finding("error", message, cure, name, tuple(beyond.tolist()))


def _allowed(low: float, high: float) -> str:
    return " and ".join(
        ([f"sources are not negative and the boundary not below {low:.4g}"] if np.isfinite(low) else [])
        + ([f"sources are not positive and the boundary not above {high:.4g}"] if np.isfinite(high) else [])
    )


def _bounds(solver: Operator, fields: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest value that each sample may have; infinite where there is no bound."""
    count = n_samples(fields)
    if isinstance(solver, Darcy):
        if not any("dirichlet" in sides for sides in solver.domain.boundary):
            raise NotApplicable("no side on which the solution is known")
        load, value = _range(fields, "source", solver.source or 0.0, count), np.zeros((count, 2))
    else:
        source, flux = _range(fields, "source", 0.0, count), _range(fields, "flux", 0.0, count)
        load = np.stack([np.fmin(source[:, 0], flux[:, 0]), np.fmax(source[:, 1], flux[:, 1])], axis=1)
        value = _dirichlet_values(fields)
    lowest = np.where(load[:, 0] >= 0, value[:, 0], -np.inf)
    return lowest, np.where(load[:, 1] <= 0, value[:, 1], np.inf)


def _range(fields: xr.Dataset, name: str, default: float, count: int) -> np.ndarray:
    if name not in fields:
        return np.full((count, 2), default)
    if not fields[name].dims or fields[name].dims == ("sample",):
        return np.broadcast_to(fields[name].values.reshape(-1, 1), (count, 2))
    return np.broadcast_to(ranges_of(fields, name), (count, 2))


def _dirichlet_values(fields: xr.Dataset) -> np.ndarray:
    """Return the range of the boundary values of each sample, where they hold if the data say where."""
    if "is_dirichlet" not in fields:
        return ranges_of(fields, "boundary_value")
    held = (values for _, _, values in samples_of(fields, "is_dirichlet"))
    given = (values for _, _, values in samples_of(fields, "boundary_value"))
    chosen = [value[mask > 0] for mask, value in zip(held, given, strict=True)]
    return np.array([[value.min(), value.max()] for value in chosen], np.float64)
