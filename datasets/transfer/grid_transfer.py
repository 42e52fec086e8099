"""Batches of point sets to a common grid of the unit box and back, by stencils made once for each geometry."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.meshes.point_location import locate
from surrogate.datasets.meshes.points import Points
from surrogate.datasets.transfer.grid_weights import grid_points, multilinear

_INSIDE = 1e-6  # of the box: round-off of single precision is not outside
_KEPT = 4096


class Stencil(NamedTuple):
    """Rows ``(M, k)`` that make up each target value, their weights, and which targets lie inside of the source."""

    rows: Tensor
    weights: Tensor
    inside: Tensor


class GridTransfer:
    """Values at points to the points of a grid, by linear interpolation on their mesh, and back, multilinear.

    Grid points outside of a mesh take the value at the nearest point of its boundary; points without a mesh give the
    value of the nearest of them. Stencils of the geometries used last are kept.

    Parameters
    ----------
    shape
        Number of grid points along each axis of the unit box, its sides included.

    Examples
    --------
    >>> corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> points = Points(corners, torch.tensor([0, 4]), corners[:, :1], torch.tensor([[0, 1, 2], [2, 1, 3]]))
    >>> GridTransfer((2, 3)).to_grid(points).tolist()
    [[[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]]
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.grid = Grid(shape=tuple(shape), extent=(1.0,) * len(shape), boundary=(("wall", "wall"),) * len(shape))
        self._kept: OrderedDict[tuple[str, str], Stencil] = OrderedDict()

    def to_grid(self, points: Points) -> Float[Tensor, "samples channel *space"]:
        """Return the values of points as fields on the grid.

        Raises
        ------
        InputError
            Points without values, or in another number of dimensions.
        """
        if points.values is None:
            raise expected("points with values", "points alone", "Give `values`.")
        rows, weights, _ = self._stencils("in", points, self._into, points.ptr[:-1])
        values = _apply(points.values, rows, weights).reshape(points.n_samples, *self.grid.shape, -1)
        return values.movedim(-1, 1)

    def inside(self, points: Points) -> Float[Tensor, "samples 1 *space"]:
        """Return 1 at the grid points inside of the mesh of each sample, 0 outside; 1 everywhere without meshes."""
        inside = self._stencils("in", points, self._into, points.ptr[:-1])[2]
        return inside.reshape(points.n_samples, 1, *self.grid.shape).to(points.coordinates.dtype)

    def to_points(
        self, values: Float[Tensor, "samples channel *space"], points: Points
    ) -> Float[Tensor, "points channel"]:
        """Return fields on the grid at points; those outside of the unit box take the value at its side."""
        size = int(np.prod(self.grid.shape))
        starts = size * torch.arange(points.n_samples, device=points.ptr.device)
        rows, weights, _ = self._stencils("out", points, self._out_of, starts)
        return _apply(values.movedim(1, -1).reshape(-1, values.shape[1]), rows, weights)

    def _stencils(
        self, direction: str, points: Points, make: Callable[[Points], Stencil], starts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the stencils of all samples as one, each sample's rows counted from its start."""
        parts = [self._stencil(direction, sample, make) for sample in _on_host(points).split()]
        device, dtype = points.coordinates.device, points.coordinates.dtype
        rows = torch.cat([part.rows + start for part, start in zip(parts, starts.tolist(), strict=True)])
        weights, inside = (torch.cat(tensors) for tensors in zip(*(part[1:] for part in parts), strict=True))
        return rows.to(device), weights.to(device, dtype), inside.to(device)

    def _stencil(self, direction: str, sample: Points, make: Callable[[Points], Stencil]) -> Stencil:
        key = direction, _hash(sample)
        if key not in self._kept:
            self._kept[key] = make(sample)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _into(self, sample: Points) -> Stencil:
        coordinates, targets = sample.coordinates.double().numpy(), grid_points(self.grid)
        if coordinates.shape[1] != self.grid.dim:
            do = "Use a grid of as many axes as the points have coordinates."
            raise expected(f"points in {self.grid.dim} dimensions", coordinates.shape[1], do)
        if sample.simplices is None:
            rows = np.asarray(cKDTree(coordinates).query(targets)[1])[:, None]
            return _stencil(rows, np.ones(rows.shape), np.ones(len(rows), dtype=bool))
        mesh = Mesh(coordinates, sample.simplices.numpy(), cell_dim=sample.simplices.shape[1] - 1)
        found = locate(mesh, targets)
        return _stencil(found.nodes, found.weights, found.distance <= _INSIDE)

    def _out_of(self, sample: Points) -> Stencil:
        nodes, weights, distance = multilinear(self.grid, sample.coordinates.double().numpy())
        return _stencil(nodes, weights, distance <= _INSIDE)


def _stencil(rows: np.ndarray, weights: np.ndarray, inside: np.ndarray) -> Stencil:
    return Stencil(torch.from_numpy(rows), torch.from_numpy(weights), torch.from_numpy(inside))


def _apply(values: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    return (values[rows] * weights[..., None].to(values.dtype)).sum(1)


def _on_host(points: Points) -> Points:
    """Return what decides the geometry."""
    return points._replace(coordinates=points.coordinates.detach(), values=None).to("cpu")


def _hash(sample: Points) -> str:
    digest = hashlib.sha256(sample.coordinates.numpy().tobytes())
    if sample.simplices is not None:
        digest.update(sample.simplices.numpy().tobytes())
    return digest.hexdigest()
