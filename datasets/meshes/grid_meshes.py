"""Grids as meshes of segments, quadrilaterals and hexahedra."""

from __future__ import annotations

import numpy as np
import xarray as xr

from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.meshes.cells import KINDS, CellKind
from surrogate.datasets.meshes.mesh import Mesh

_KINDS = {1: "segment", 2: "quad", 3: "hexahedron"}


def on_mesh(fields: xr.Dataset, grid: Grid, mesh: Mesh) -> xr.Dataset:
    """Return fields over the space of a grid as fields over that of `grid_mesh`: at its nodes or in its cells."""
    place = "node" if grid.location == "node" else "cell"
    whole = fields.coords.to_dataset()[[*grid.names]]
    variables = {}
    for name, variable in fields.data_vars.items():
        full = variable.broadcast_like(whole).transpose(..., *grid.names)
        leading = full.shape[: -grid.dim]
        variables[name] = xr.Variable((*full.dims[: -grid.dim], place), full.values.reshape(*leading, -1), full.attrs)
    coords = {name: c.variable for name, c in fields.coords.items() if not set(grid.names) & set(c.dims)}
    return xr.Dataset(variables, coords=coords | mesh.coordinates(), attrs=fields.attrs)


def grid_mesh(grid: Grid) -> Mesh:
    """Return the mesh whose nodes are those of a grid, or whose cells are, the last axis running fastest.

    A periodic axis of nodes ends at its last point: the cells that close it are left out.
    """
    edges = [part.points if grid.location == "node" else part.edges for part in grid.parts]
    points = np.stack(np.meshgrid(*edges, indexing="ij"), axis=-1).reshape(-1, grid.dim)
    kind, cells = lattice(np.arange(len(points)).reshape([len(along) for along in edges]))
    return Mesh(points, {kind.name: cells.reshape(-1, kind.nodes)})


def lattice(numbers: np.ndarray) -> tuple[CellKind, np.ndarray]:
    """Return the cells ``(nx - 1, ny - 1, ..., corners)`` between points that are numbered ``(nx, ny, ...)``."""
    kind = KINDS[_KINDS[numbers.ndim]]
    corners = (np.array(kind.corners) > (0.5 if kind.is_simplex else 0)).astype(int)
    ends = (tuple(slice(at, n - 1 + at) for at, n in zip(corner, numbers.shape, strict=True)) for corner in corners)
    return kind, np.stack([numbers[end] for end in ends], axis=-1)
