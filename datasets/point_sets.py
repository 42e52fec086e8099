"""Fields on meshes as batches of point sets: each function on its own points, samples joined, nothing padded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int
from torch import Tensor
from torch_geometric.data import HeteroData

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import require
from surrogate.datasets.grid import AXES
from surrogate.datasets.mesh import Mesh
from surrogate.datasets.ragged import counts, pointer
from surrogate.datasets.tensors import to_parameters
from surrogate.datasets.ugrid import numbers_from_zero

PointSet = tuple[Float[Tensor, "points dim"], Int[Tensor, " samples_and_one"], Float[Tensor, "points channel"]]


def point_set(fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype = torch.float32) -> PointSet:
    """Return the positions (N, d), the first row of each sample and the end (B + 1,), and the values (N, C) of fields.

    All names lie on the same points: nodes, centers of cells, or a further set, along whose dimension a variable gives
    node numbers. On a mesh that all samples share the points are repeated for each.

    Raises
    ------
    InputError
        Names on different points, over time, on a grid, or on points whose positions are unknown.
    """
    require(fields, names)
    dims = {fields[name].dims for name in names}
    if len(dims) != 1 or dims & {(), ("sample",)} or not {"time", *AXES}.isdisjoint(next(iter(dims))):
        do = "Select one time, and take parameters and functions on other points apart."
        raise expected("fields on the same points, without time", {name: fields[name].dims for name in names}, do)
    dim = next(iter(dims))[-1]
    positions = torch.from_numpy(_positions(fields, str(dim))).to(dtype)
    values = torch.from_numpy(np.stack([fields[name].values for name in names], axis=-1)).to(dtype)
    lengths = counts(fields)
    if dim in lengths:
        return positions, torch.from_numpy(pointer(lengths[str(dim)])), values
    samples = fields.sizes.get("sample", 1)
    values = values.expand(samples, *values.shape[-2:])
    ptr = torch.arange(samples + 1) * len(positions)
    return positions.repeat(samples, 1), ptr, values.reshape(-1, len(names))


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
        positions, ptr, values = point_set(fields, names, dtype)
        data[store].pos, data[store].x, data[store].ptr = positions, values, ptr
        data[store].batch = torch.repeat_interleave(torch.arange(len(ptr) - 1), ptr.diff())
    if parameters:
        data["parameters"] = to_parameters(fields, parameters, dtype)
    return data


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
