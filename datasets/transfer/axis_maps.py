"""Matrices that take values on one axis to another: linear, conservative, through Chebyshev points."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from surrogate.datasets.grids.axes import Axis


def linear_matrix(source: Axis, target: Axis) -> csr_array:
    """Return the linear interpolation; beyond the outermost cell centers the last two of them extrapolate."""
    points, queries = source.points, target.points
    columns = np.arange(source.n)
    if source.periodic:
        queries = points[0] + (queries - points[0]) % source.length
        points, columns = np.append(points, points[0] + source.length), np.append(columns, 0)
    lower = np.clip(np.searchsorted(points, queries, side="right") - 1, 0, len(points) - 2)
    fraction = (queries - points[lower]) / (points[lower + 1] - points[lower])
    return _matrix(
        np.repeat(np.arange(target.n), 2),
        np.stack([columns[lower], columns[lower + 1]], axis=1).ravel(),
        np.stack([1 - fraction, fraction], axis=1).ravel(),
        (target.n, source.n),
    )


def conservative_matrix(source: Axis, target: Axis) -> csr_array:
    """Return for each target cell the mean of the source cells in it, weighted by the overlaps."""
    old, new = source.edges, target.edges
    turns = source.length * np.arange(-1, 2) if source.periodic else np.zeros(1)
    breaks = np.unique(np.concatenate([new, (old + turns[:, None]).ravel()]))
    breaks = breaks[(breaks >= new[0]) & (breaks <= new[-1])]
    middle, width = (breaks[1:] + breaks[:-1]) / 2, np.diff(breaks)
    place = old[0] + (middle - old[0]) % source.length if source.periodic else middle
    columns, rows = (
        np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(edges) - 2)
        for edges, at in ((old, place), (new, middle))
    )
    return _matrix(rows, columns, width / np.diff(new)[rows], (target.n, source.n))


def chebyshev_matrix(source: Axis, target: Axis) -> csr_array:
    r"""Return the values of the polynomial through Chebyshev points, by the barycentric formula.

    References
    ----------
    J.-P. Berrut and L. N. Trefethen, "Barycentric Lagrange interpolation", SIAM Review 46 (2004).
    """
    number = np.arange(source.n)
    weights = (-1.0) ** number
    if source.location == "cell":
        weights *= np.sin(np.pi * (number + 0.5) / source.n)
    else:
        weights[[0, -1]] /= 2
    distance = target.points[:, None] - source.points
    hit = distance == 0
    terms = np.where(hit.any(axis=1, keepdims=True), hit, weights / np.where(hit, 1.0, distance))
    return csr_array(terms / terms.sum(axis=1, keepdims=True))


def _matrix(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray, shape: tuple[int, int]) -> csr_array:
    matrix = csr_array((weights, (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix
