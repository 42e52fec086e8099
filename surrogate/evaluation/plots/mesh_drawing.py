"""Fields on meshes and on scattered points."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.tri import Triangulation

from surrogate.datasets.domain import domain_of
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.samples.point_sets import point_set
from surrogate.evaluation.plots.style import limits


def draw_points(axes: Axes, part: xr.Dataset, name: str) -> None:
    """Draw a field of one sample at one time, with labels and a color bar."""
    low, high, colors = limits(part[name].values)
    image = draw_field(axes, part, name, vmin=low, vmax=high, cmap=colors)
    axes.set_aspect("equal")
    axes.set(xlabel="x", ylabel="y")
    axes.figure.colorbar(image, ax=axes, pad=0.02, shrink=0.85)


def draw_field(axes: Axes, part: xr.Dataset, name: str, **look: Any) -> Collection:
    """Draw a field of one sample at one time: as colored cells on a flat mesh, else as dots seen along z."""
    field = part[name]
    mesh = domain_of(part) if "mesh" in part.coords else None
    if isinstance(mesh, Mesh) and mesh.dim == mesh.cell_dim == 2 and field.dims in (("node",), ("cell",)):
        return _draw_mesh(axes, mesh, field, **look)
    positions = point_set(part, [name]).coordinates.numpy()
    height = positions[:, 1] if positions.shape[1] > 1 else np.zeros(len(positions))
    return axes.scatter(positions[:, 0], height, c=field.values, s=6, **look)


def _draw_mesh(axes: Axes, mesh: Mesh, field: xr.DataArray, **look: Any) -> Collection:
    """Draw a field over the nodes or cells of a flat mesh as colored triangles."""
    triangles = Triangulation(mesh.points[:, 0], mesh.points[:, 1], mesh.simplices)
    values = field.values if field.dims == ("node",) else field.values[_cells_of_simplices(mesh)]
    if field.dims == ("node",):
        image = axes.tripcolor(triangles, values, shading="gouraud", **look)
    else:
        image = axes.tripcolor(triangles, facecolors=values, **look)
    image.set_rasterized(True)
    return image


def _cells_of_simplices(mesh: Mesh) -> np.ndarray:
    """Return for each of ``mesh.simplices`` the number of its cell."""
    return np.concatenate([np.repeat(block.places, len(block.kind.simplices)) for block in mesh.blocks])
