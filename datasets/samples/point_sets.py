"""Fields on meshes as batches of point sets: each function on its own points, samples joined, nothing padded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch_geometric.data import HeteroData

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import require
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.meshes.points import Points
from surrogate.datasets.meshes.ugrid import numbers_from_zero
from surrogate.datasets.samples.ragged import counts, pointer
from surrogate.datasets.samples.tensors import all_values, to_parameters


class Places:
    """Where the points of fields lie; the mesh, whose reading costs most, is read once and only if it is needed."""

    def __init__(self, fields: xr.Dataset) -> None:
        self.fields = fields

    @cached_property
    def mesh(self) -> Mesh:
        """The mesh, or the union of those of all samples."""
        return Mesh.from_fields(self.fields)

    def point_set(self, names: Sequence[str], *, at: str | None = None, dtype: torch.dtype = torch.float32) -> Points:
        """Return points and values: see `point_set`."""
        dim = dimension_of(self.fields, names) if at is None else at
        if names and dimension_of(self.fields, names) != dim:
            raise expected(f"fields over {dim!r}", f"{list(names)} over others", "Interpolate them.")
        points = self.points(dim, dtype)
        simplices = self._simplices(points.ptr) if dim == "node" and "mesh" in self.fields.coords else None
        values = point_values(self.fields, names, dtype) if names else None
        return points._replace(values=values, simplices=simplices)

    def points(self, at: str, dtype: torch.dtype = torch.float32) -> Points:
        """Return the points of a dimension alone."""
        positions, lengths = torch.from_numpy(self._positions(at)).to(dtype), counts(self.fields)
        if at in lengths:
            return Points(positions, torch.from_numpy(pointer(lengths[at])))
        samples = self.fields.sizes.get("sample", 1)
        return Points(positions.repeat(samples, 1), torch.arange(samples + 1) * len(positions))

    def _simplices(self, ptr: Tensor) -> Tensor:
        """Return the simplices, sample after sample (a mesh of several kinds of cells has them by kind)."""
        simplices = torch.from_numpy(self.mesh.simplices)
        if "node" in counts(self.fields):
            owner = torch.bucketize(simplices[:, 0].contiguous(), ptr[1:], right=True)
            return simplices[owner.argsort(stable=True)]
        return (simplices + ptr[:-1, None, None]).flatten(0, 1)

    def _positions(self, dim: str) -> np.ndarray:
        if dim == "cell":
            return self.mesh.cell_centers
        coords = self.fields.coords
        axes = [coords[axis] for axis in AXES if axis in coords and coords[axis].dims == ("node",)]
        if not axes:
            raise expected("coordinates x (and y, z) over 'node'", list(coords), "Add mesh.coordinates().")
        nodes = np.column_stack([axis.values for axis in axes])
        if dim == "node":
            return nodes
        for variable in coords.values():
            if variable.dims == (dim,) and "start_index" in variable.attrs:
                numbered: np.ndarray = nodes[numbers_from_zero(variable.variable)]
                return numbered
        raise expected(f"a variable with the node numbers of {dim!r}", list(coords), "Add it with `node_numbers`.")


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
    return Places(fields).point_set(names, at=at, dtype=dtype)


def point_values(fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype) -> Tensor:
    """Return the values ``(N, C)`` of fields on the same points, sample after sample, repeated on shared points."""
    samples = 1 if dimension_of(fields, names) in counts(fields) else fields.sizes.get("sample", 1)
    columns = (all_values(fields[name]).to(dtype) for name in names)
    return torch.stack([column.expand(samples, column.shape[-1]).flatten() for column in columns], dim=-1)


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
    data, places = HeteroData(), Places(fields)
    for store, names in functions.items():
        points = places.point_set(names, dtype=dtype)
        data[store].pos, data[store].x, data[store].ptr = points.coordinates, points.values, points.ptr
        data[store].batch = points.batch
    if parameters:
        data["parameters"] = to_parameters(fields, parameters, dtype)
    return data
