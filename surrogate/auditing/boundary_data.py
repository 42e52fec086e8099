"""Solutions against the boundary values that belong to their equation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import n_samples, samples_of
from surrogate.auditing.dirichlet_sides import off_sides
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.known_equation import Equation
from surrogate.auditing.words import some
from surrogate.datasets.meshes.ugrid import numbers_from_zero
from surrogate.datasets.samples.ragged import counts, pointer
from surrogate.solvers.darcy import Darcy
from surrogate.solvers.poisson_points import PoissonOnPoints

_ROUND_OFF = 1e-5  # of the largest value of a sample: a hundred times the round-off of single precision


def boundary_data(fields: xr.Dataset, equation: Equation) -> Iterator[Finding]:
    """Find solutions on meshes off ``boundary_value`` where ``is_dirichlet`` is 1, and Darcy flow off zero at nodes.

    The residual of Darcy flow takes nodes on Dirichlet sides for zero, whatever they are.
    """
    if isinstance(equation.solver, Darcy):
        yield from _of_darcy(fields, equation.solver)
        return
    if not isinstance(equation.solver, PoissonOnPoints) or "node" not in counts(fields):
        raise NotApplicable("no boundary values beside solutions on meshes of their own")
    dim = str(fields["boundary_value"].dims[-1])
    numbers = [str(k) for k, v in fields.variables.items() if v.dims == (dim,) and "start_index" in v.attrs]
    if not numbers:
        raise NotApplicable(f"no node numbers of {dim!r}")
    name = equation.solver.out_fields[0]
    streams = [samples_of(fields, each) for each in (name, "boundary_value", "is_dirichlet", numbers[0])]
    starts, attrs = pointer(counts(fields)["node"]), fields[numbers[0]].attrs
    off: dict[int, float] = {}
    for (sample, _, u), (_, _, given), (_, _, held), (_, _, rows) in zip(*streams, strict=True):
        own = numbers_from_zero(xr.Variable((dim,), rows, attrs)) - starts[sample]
        error = np.abs(u[own] - given)[held > 0].max(initial=0.0)
        if error > _ROUND_OFF * np.abs(u).max():
            off[sample] = float(error)
    if off:
        message = f"is off its boundary values by up to {max(off.values()):.3g} in {some([*off], n_samples(fields))}"
        cure = "Do not train on these samples: boundary values and solutions belong to different problems."
        yield Finding("error", message, cure, name, tuple(off))


def _of_darcy(fields: xr.Dataset, solver: Darcy) -> Iterator[Finding]:
    name = solver.out_fields[0]
    if solver.domain.location != "node" or "boundary_value" in fields[name].attrs:
        raise NotApplicable("no nodes lie on Dirichlet sides, or the field states its boundary_value")
    yield from off_sides(fields, name, solver.domain, 0.0)
