"""The discretization of fields, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.samples.ragged import counts

Domain = Grid | Mesh


def is_on_points(fields: xr.Dataset) -> bool:
    """Return whether fields lie on meshes or scattered points, not on a grid."""
    return "node" in fields.dims and not any(axis in fields.dims for axis in AXES)


def domain_of(fields: xr.Dataset, sample: int | None = None) -> Domain:
    """Return the grid or the mesh of ``fields``; where meshes differ by sample, that of one, or of None the union.

    Raises
    ------
    InputError
        There is neither, or it is wrong in itself.
    """
    if is_on_points(fields):
        return Mesh.from_fields(fields, sample)
    return Grid.from_fields(fields)


def check_mesh(fields: xr.Dataset, *, values: bool) -> None:
    """Raise `InputError` where counts, coordinates or the mesh of fields over ``node`` are wrong.

    The cells are looked at with ``values`` only; fields over ``node`` without a mesh topology are scattered points.
    """
    lengths = counts(fields)
    for name, variable in fields.data_vars.items():
        joined = [dim for dim in variable.dims if dim in lengths]
        if joined and "sample" in variable.dims:
            do = f"Join the samples along {joined[0]!r}, or remove {joined[0]}_count if all have the same mesh."
            raise expected(f"{name!r} without dimension 'sample', as {joined[0]!r} joins all", variable.dims, do)
    if "node" not in fields.dims:
        return
    axes = [name for name in AXES if name in fields.coords]
    if not axes or any("node" not in fields[name].dims for name in axes):
        raise expected("coordinates x (and y, z) over 'node'", axes or "none", "Add mesh.coordinates().")
    if values and "mesh" in fields.coords and "time" not in fields[axes[0]].dims:
        _check_owners(Mesh.from_fields(fields), lengths)


def _check_owners(union: Mesh, lengths: Mapping[str, np.ndarray]) -> None:
    """Raise `InputError` where a cell of one sample has nodes of another."""
    if not {"node", "cell"} <= lengths.keys():
        return
    of_node, of_cell = (np.repeat(np.arange(len(lengths[dim])), lengths[dim]) for dim in ("node", "cell"))
    foreign = ((union.cells >= 0) & (of_node[union.cells] != of_cell[:, None])).any(axis=1)
    if foreign.any():
        got = f"{int(foreign.sum())} cells with nodes of others, the first in sample {of_cell[foreign][0]}"
        raise expected("cells on nodes of their own sample", got, "Correct node_count, cell_count or the cells.")
