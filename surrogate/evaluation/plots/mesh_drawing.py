"""Fields on meshes and on scattered points."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.tri import Triangulation

from surrogate.datasets.domain import domain_of
from surrogate.datasets.mesh import Mesh
from surrogate.datasets.point_sets import point_set
from surrogate.evaluation.plots.style import limits


def draw_points(axes: Axes, part: xr.Dataset, name: str) -> None:
    """Draw a field of one sample at one time: as colored cells on a flat mesh, else as dots seen along z."""
    field = part[name]
    mesh = domain_of(part) if "mesh" in part.coords else None
    low, high, colors = limits(field.values)
    look: dict[str, Any] = {"vmin": low, "vmax": high, "cmap": colors}
    if isinstance(mesh, Mesh) and mesh.dim == mesh.cell_dim == 2 and field.dims in (("node",), ("cell",)):
        triangles = Triangulation(mesh.points[:, 0], mesh.points[:, 1], mesh.simplices)
        image: Any
        if field.dims == ("node",):
            image = axes.tripcolor(triangles, field.values, shading="gouraud", **look)
        else:
            image = axes.tripcolor(triangles, facecolors=field.values[_cells_of_simplices(mesh)], **look)
        image.set_rasterized(True)
    else:
        positions = point_set(part, [name])[0].numpy()
        height = positions[:, 1] if positions.shape[1] > 1 else np.zeros(len(positions))
        image = axes.scatter(positions[:, 0], height, c=field.values, s=6, **look)
    axes.set_aspect("equal")
    axes.set(xlabel="x", ylabel="y")
    axes.figure.colorbar(image, ax=axes, pad=0.02, shrink=0.85)


def _cells_of_simplices(mesh: Mesh) -> np.ndarray:
    """Return for each of ``mesh.simplices`` the number of its cell."""
    return np.concatenate([np.repeat(block.places, len(block.kind.simplices)) for block in mesh.blocks])
