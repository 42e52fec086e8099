"""Hierarchies of coarser point sets for multilevel networks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.connectivity import unique_rows
from surrogate.datasets.meshes.mesh import Mesh


class Level(NamedTuple):
    """One level: its points, its edges, and how it lies in the level before.

    Attributes
    ----------
    points
        ``(n, d)``.
    edges
        ``(E, 2)``, each once, lower number first.
    chosen
        Numbers of its points in the finer level.
    cluster
        For each point of the finer level, the number here of the point it belongs to.
    weights
        What its points stand for: the sum of the weights of their clusters.
    """

    points: np.ndarray
    edges: np.ndarray
    chosen: np.ndarray
    cluster: np.ndarray
    weights: np.ndarray

    def restriction(self, finer: np.ndarray) -> csr_array:
        """Return the weighted mean over each cluster; with the weights ``finer`` of the finer level it keeps sums."""
        rows = (finer / self.weights[self.cluster], (self.cluster, np.arange(len(self.cluster))))
        return csr_array(rows, shape=(len(self.points), len(self.cluster)))

    def prolongation(self) -> csr_array:
        """Return the map that gives each point of the finer level the value of its cluster."""
        rows = (np.ones(len(self.cluster)), (np.arange(len(self.cluster)), self.cluster))
        return csr_array(rows, shape=(len(self.cluster), len(self.points)))


def coarsen(mesh: Mesh, levels: int, *, seed: int = 0) -> list[Level]:
    """Return coarser and coarser levels of a mesh, the mesh itself first.

    The points of the next level are a maximal independent set along the edges: no two are neighbors, and every other
    point has one as neighbor, that nearest to it, whose cluster it joins. Two clusters are neighbors if an edge joins
    them. The points are chosen in a random order that ``seed`` fixes; in each level about a quarter to a third remain.

    Raises
    ------
    InputError
        Fewer than one level, or more than the mesh allows: a level of one point has no coarser one.

    References
    ----------
    Luby, SIAM J. Comput. 15 (1986) 1036 (independent sets in parallel).
    """
    if levels < 1:
        raise expected("at least one level", levels, "Correct `levels`.")
    every = np.arange(mesh.n_points)
    hierarchy = [Level(mesh.points, mesh.edges, every, every, mesh.quadrature_weights)]
    rng = np.random.default_rng(seed)
    while len(hierarchy) < levels:
        finest = hierarchy[-1]
        if len(finest.points) == 1:
            raise expected(f"at most {len(hierarchy)} levels of this mesh", levels, "Use fewer.")
        hierarchy.append(_coarser(finest, rng))
    return hierarchy


def farthest_points(points: np.ndarray, count: int, *, first: int = 0) -> np.ndarray:
    """Return the numbers of ``count`` points, each the farthest from those before it, beginning with ``first``.

    Raises
    ------
    InputError
        More points than there are, or fewer than one.
    """
    if not 1 <= count <= len(points):
        raise expected(f"a count from 1 to {len(points)}", count, "Correct `count`.")
    chosen = np.empty(count, dtype=np.int64)
    chosen[0] = first
    distance = np.full(len(points), np.inf)
    for number in range(1, count):
        distance = np.minimum(distance, ((points - points[chosen[number - 1]]) ** 2).sum(axis=1))
        chosen[number] = distance.argmax()
    return chosen


def _coarser(level: Level, rng: np.random.Generator) -> Level:
    chosen = np.flatnonzero(_independent(level.edges, rng.permutation(len(level.points))))
    both = np.concatenate([level.edges, level.edges[:, ::-1]])
    number = np.full(len(level.points), -1)
    number[chosen] = np.arange(len(chosen))
    into = both[(number[both[:, 1]] >= 0) & (number[both[:, 0]] < 0)]
    length = np.linalg.norm(level.points[into[:, 0]] - level.points[into[:, 1]], axis=1)
    into = into[np.lexsort((length, into[:, 0]))]
    point, nearest = np.unique(into[:, 0], return_index=True)
    cluster = number.copy()
    cluster[point] = number[into[nearest, 1]]
    between = np.sort(cluster[level.edges], axis=1)
    edges = unique_rows(between[between[:, 0] != between[:, 1]]).rows
    return Level(level.points[chosen], edges, chosen, cluster, np.bincount(cluster, level.weights))


def _independent(edges: np.ndarray, priority: np.ndarray) -> np.ndarray:
    """Return a mask of a maximal independent set: in each round those before all their neighbors that are left."""
    inside = np.zeros(len(priority), dtype=bool)
    left = np.ones(len(priority), dtype=bool)
    while left.any():
        best = np.where(left, priority, len(priority))
        np.minimum.at(best, edges[:, 0], np.where(left, priority, len(priority))[edges[:, 1]])
        np.minimum.at(best, edges[:, 1], np.where(left, priority, len(priority))[edges[:, 0]])
        new = left & (best == priority)
        inside |= new
        left &= ~new
        near = edges[new[edges[:, 0]] | new[edges[:, 1]]]
        left[near] = False
    return inside
