"""Points, quadrature weights and multilinear weights of a grid, its points counted in C order."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import torch
from torch import Tensor

from surrogate.datasets.grids.axes import UNIFORM
from surrogate.datasets.grids.grid import Grid


def grid_points(grid: Grid) -> np.ndarray:
    """Return the points ``(N, d)``."""
    return np.stack(np.meshgrid(*grid.axes, indexing="ij"), axis=-1).reshape(-1, grid.dim)


def grid_weights(grid: Grid) -> np.ndarray:
    """Return the quadrature weights ``(N,)``."""
    weights: np.ndarray = functools.reduce(np.multiply.outer, grid.quadrature_weights)
    return weights.ravel()


@functools.lru_cache(maxsize=32)
def norm_weights(grid: Grid) -> Tensor | None:
    """Return what each point counts in the norms of errors ``(*space)``, 1 on average; None where all count the same.

    The quadrature weights along stretched axes. Along uniform ones all points count the same, as in the literature:
    the half weights of closed ends are left out.
    """
    if all(grid.is_uniform):
        return None
    axes = [
        np.ones(axis.n) if axis.stretching == UNIFORM else axis.weights / axis.weights.mean() for axis in grid.parts
    ]
    return torch.from_numpy(functools.reduce(np.multiply.outer, axes))


def multilinear(grid: Grid, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for points (Q, d) the numbers and weights ``(Q, 2^d)`` of the grid points around, and how far outside.

    Periodic axes have no outside. Between the outermost points and the sides of the box, where they differ, the
    values are those of the outermost points; beyond the box those of the nearest point of it.
    """
    lower, upper, fraction, beyond = zip(*(_along(grid, i, queries[:, i]) for i in range(grid.dim)), strict=True)
    nodes, weights = [], []
    for corner in itertools.product((0, 1), repeat=grid.dim):
        index = [upper[i] if high else lower[i] for i, high in enumerate(corner)]
        nodes.append(np.ravel_multi_index(index, grid.shape))
        weights.append(np.prod([fraction[i] if high else 1 - fraction[i] for i, high in enumerate(corner)], axis=0))
    return np.stack(nodes, axis=1), np.stack(weights, axis=1), np.linalg.norm(beyond, axis=0)


def _along(grid: Grid, axis: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the point before, the point after, the fraction of the way, and the distance to the box."""
    points, n = grid.axes[axis], grid.shape[axis]
    low, high = grid.extent[axis]
    if grid.is_periodic[axis]:
        length = high - low
        ring = np.append(points, points[0] + length)
        x = points[0] + (x - points[0]) % length
        lower = np.clip(np.searchsorted(ring, x, side="right") - 1, 0, n - 1)
        return lower, (lower + 1) % n, (x - ring[lower]) / (ring[lower + 1] - ring[lower]), np.zeros_like(x)
    beyond = np.maximum(np.maximum(low - x, x - high), 0.0)
    lower = np.clip(np.searchsorted(points, x, side="right") - 1, 0, n - 2)
    fraction = np.clip((x - points[lower]) / (points[lower + 1] - points[lower]), 0, 1)
    return lower, lower + 1, fraction, beyond
