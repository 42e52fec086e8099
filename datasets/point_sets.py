"""Fields on meshes as batches of point sets: each function on its own points, samples joined, nothing padded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch_geometric.data import HeteroData

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import require
from surrogate.datasets.grid import AXES
from surrogate.datasets.mesh import Mesh
from surrogate.datasets.points import Points
from surrogate.datasets.ragged import counts, pointer
from surrogate.datasets.tensors import to_parameters
from surrogate.datasets.ugrid import numbers_from_zero


def point_set(
    fields: xr.Dataset, names: Sequence[str], *, at: str | None = None, dtype: torch.dtype = torch.float32
) -> Points:
    """Return where fields lie, sample after sample, and their values (N, C); for nodes of a mesh its simplices, too.

    All names lie on the same points: nodes, centers of cells, or a further set, along whose dimension a variable gives
    node numbers. On a mesh that all samples share the points are repeated for each.

    Parameters
    ----------
    fields
        Fields on meshes or scattered points, without time.
    names
        The channels of ``values``; none for the points alone.
    at
        The dimension of the points, such as ``"node"``; default: that of the fields.
    dtype
        Of coordinates and values.

    Raises
    ------
    InputError
        Names on different points, over time, on a grid, or on points whose positions are unknown.
    """
    dim = dimension_of(fields, names) if at is None else at
    if names and dimension_of(fields, names) != dim:
        raise expected(f"fields over {dim!r}", f"{list(names)} over others", "Interpolate them.")
    positions = torch.from_numpy(_positions(fields, dim)).to(dtype)
    ptr = _pointer(fields, dim, len(positions))
    samples, shared = len(ptr) - 1, dim not in counts(fields)
    simplices = _simplices(fields, ptr) if dim == "node" and "mesh" in fields.coords else None
    if shared:
        positions = positions.repeat(samples, 1)
    values = [torch.from_numpy(fields[name].values).to(dtype) for name in names]
    if shared:
        values = [column.expand(samples, column.shape[-1]).reshape(-1) for column in values]
    return Points(positions, ptr, torch.stack(values, dim=-1) if values else None, simplices)


def dimension_of(fields: xr.Dataset, names: Sequence[str]) -> str:
    """Return the dimension of the points of fields; raise `InputError` unless they lie on the same, without time."""
    require(fields, names)
    dims = {fields[name].dims for name in names}
    if len(dims) != 1 or dims & {(), ("sample",)} or not {"time", *AXES}.isdisjoint(next(iter(dims))):
        do = "Select one time, and take parameters and functions on other points apart."
        raise expected("fields on the same points, without time", {name: fields[name].dims for name in names}, do)
    return str(next(iter(dims))[-1])


def to_batch(
    fields: xr.Dataset,
    functions: Mapping[str, Sequence[str]],
    *,
    parameters: Sequence[str] = (),
    dtype: torch.dtype = torch.float32,
) -> HeteroData:
    """Return a batch of all samples, with a store of nodes for each function: ``pos``, ``x``, ``batch`` and ``ptr``.

    ``functions`` maps the name of a store to the fields in its ``x``, such as ``{"source": ["f"], "boundary": ["g"]}``.
    ``parameters`` (B, P) holds one row for each sample.

    Raises
    ------
    InputError
        As `point_set`.

    Examples
    --------
    >>> mesh = Mesh([[0, 0], [1, 0], [0, 1]], {"triangle": [[0, 1, 2]]})
    >>> fields = xr.Dataset({"f": (("sample", "node"), np.ones((2, 3)))}, coords=mesh.coordinates())
    >>> to_batch(fields, {"source": ["f"]})["source"].ptr.tolist()
    [0, 3, 6]
    """
    data = HeteroData()
    for store, names in functions.items():
        points = point_set(fields, names, dtype=dtype)
        data[store].pos, data[store].x, data[store].ptr = points.coordinates, points.values, points.ptr
        data[store].batch = points.batch
    if parameters:
        data["parameters"] = to_parameters(fields, parameters, dtype)
    return data


def _pointer(fields: xr.Dataset, dim: str, points: int) -> Tensor:
    lengths = counts(fields)
    if dim in lengths:
        return torch.from_numpy(pointer(lengths[dim]))
    return torch.arange(fields.sizes.get("sample", 1) + 1) * points


def _simplices(fields: xr.Dataset, ptr: Tensor) -> Tensor:
    """Return the simplices of all samples, sample after sample (a mesh of several kinds of cells has them by kind)."""
    simplices = torch.from_numpy(Mesh.from_fields(fields).simplices)
    if "node" in counts(fields):
        owner = torch.bucketize(simplices[:, 0].contiguous(), ptr[1:], right=True)
        return simplices[owner.argsort(stable=True)]
    return (simplices + ptr[:-1, None, None]).flatten(0, 1)


def _positions(fields: xr.Dataset, dim: str) -> np.ndarray:
    if dim == "cell":
        return Mesh.from_fields(fields).cell_centers
    axes = [fields[axis] for axis in AXES if axis in fields.coords and fields[axis].dims == ("node",)]
    if not axes:
        raise expected("coordinates x (and y, z) over 'node'", list(fields.coords), "Add mesh.coordinates().")
    nodes = np.column_stack([axis.values for axis in axes])
    if dim == "node":
        return nodes
    for variable in fields.coords.values():
        if variable.dims == (dim,) and "start_index" in variable.attrs:
            numbered: np.ndarray = nodes[numbers_from_zero(variable.variable)]
            return numbered
    raise expected(f"a variable with the node numbers of {dim!r}", list(fields.coords), "Add it with `node_numbers`.")
