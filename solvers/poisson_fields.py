"""Poisson's equation in fields, on one mesh or on one for each sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import require
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.meshes.ugrid import numbers_from_zero
from surrogate.datasets.samples.ragged import counts, select_samples
from surrogate.solvers.poisson import Poisson


def solve_poisson(
    fields: xr.Dataset, *, dirichlet: Sequence[str], neumann: Sequence[str] | None = None, degree: int = 1
) -> xr.Dataset:
    """Return the solution u over ``node`` of Poisson's equation for each sample, with its mesh: see `Poisson`.

    ``conductivity`` is given over ``cell``, ``source`` over ``node``, and ``boundary_value`` and ``flux`` over ``node``
    or over a set of boundary points with their node numbers. Each may differ by sample.

    Raises
    ------
    InputError
        A field is missing, or what `Poisson` refuses.
    """
    require(fields, [*Poisson.in_fields, *Poisson.static_fields])
    if "sample" not in fields.dims:
        raise expected("fields with a dimension 'sample'", tuple(fields.dims), "Use fields.expand_dims('sample').")
    solutions, solver, ragged = [], None, "node" in counts(fields)
    for sample in range(fields.sizes["sample"]):
        own = select_samples(fields, [sample])
        if solver is None or ragged:
            solver = Poisson(Mesh.from_fields(own), dirichlet=dirichlet, neumann=neumann, degree=degree)
        solutions.append(_solved(solver, own))
    attrs = dict(Poisson.attributes["u"]) | {"mesh": "mesh", "location": "node"}
    u = ("node", np.concatenate(solutions), attrs) if ragged else (("sample", "node"), np.stack(solutions), attrs)
    return xr.Dataset({"u": u}, coords=fields.coords)


def _solved(solver: Poisson, fields: xr.Dataset) -> np.ndarray:
    f, g, q = solver.lifted(np.stack([_at_nodes(fields, name) for name in Poisson.in_fields])[None])[0]
    conductivity = fields["conductivity"].values.astype(np.float64).ravel()
    return solver.solve(solver.load(f, q), g, conductivity)[: solver.domain.n_points]


def _at_nodes(fields: xr.Dataset, name: str) -> np.ndarray:
    """Return the values of a field at all nodes; zero where a set of points leaves them out."""
    values = fields[name].values.astype(np.float64).ravel()
    dim = fields[name].dims[-1]
    if dim == "node":
        return values
    numbers = [v for v in fields.variables.values() if v.dims == (dim,) and "start_index" in v.attrs]
    if not numbers:
        raise expected(f"a variable with the node numbers of {dim!r}", list(fields.coords), "Add `node_numbers`.")
    nodes = np.zeros(fields.sizes["node"])
    nodes[numbers_from_zero(numbers[0])] = values
    return nodes
