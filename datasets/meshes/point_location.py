"""Where points lie in a mesh: in which simplex, or which point of the mesh is nearest."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from surrogate.datasets.meshes.cells import QUAD, TRIANGLE
from surrogate.datasets.meshes.mesh import Mesh

_TOLERANCE = 1e-9  # of barycentric coordinates: points on a common edge belong to one of its cells
_CHUNK = 4_000_000  # pairs of point and simplex looked at together


class Location(NamedTuple):
    """For each query point the nodes ``(Q, k)`` of a simplex and its weights; how far outside of the mesh it lies."""

    nodes: np.ndarray
    weights: np.ndarray
    distance: np.ndarray


def locate(mesh: Mesh, queries: np.ndarray) -> Location:
    """Return barycentric coordinates of each query point (Q, d) in the simplices that cut the cells.

    A point outside gets those of the nearest point of the boundary, and its distance; so does any point of space for a
    surface. Simplices of about the same size are searched together by the tree of their centers, so that graded meshes
    cost no more than uniform ones.
    """
    simplices = mesh.simplices
    nodes = np.zeros((len(queries), simplices.shape[1]), dtype=np.int64)
    weights = np.zeros(nodes.shape)
    found = np.zeros(len(queries), dtype=bool)
    if mesh.dim == mesh.cell_dim:
        for members in _by_size(mesh.points[simplices]):
            left = np.flatnonzero(~found)
            if not len(left):
                break
            which, coordinates = _containing(mesh.points[simplices[members]], queries[left])
            inside = which >= 0
            nodes[left[inside]] = simplices[members[which[inside]]]
            weights[left[inside]] = coordinates[inside]
            found[left[inside]] = True
    distance = np.zeros(len(queries))
    outside = np.flatnonzero(~found)
    if len(outside):
        facets = _outer_simplices(mesh)
        near, at, distance[outside] = _nearest(mesh.points, facets, queries[outside])
        nodes[outside, : facets.shape[1]], weights[outside, : facets.shape[1]] = near, at
    return Location(nodes, weights, distance)


def _by_size(corners: np.ndarray) -> list[np.ndarray]:
    """Return the numbers of simplices in classes within which the radius varies by a factor of two, largest first."""
    radius = np.linalg.norm(corners - corners.mean(axis=1, keepdims=True), axis=2).max(axis=1)
    level = np.floor(np.log2(radius)).astype(int)
    values, counts = np.unique(level, return_counts=True)
    return [np.flatnonzero(level == value) for value in values[np.argsort(-counts)]]


def _containing(corners: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each query the simplex that contains it, or -1, and its barycentric coordinates there."""
    centers = corners.mean(axis=1)
    radius = np.linalg.norm(corners - centers[:, None], axis=2).max() * (1 + 1e-6)
    tree = cKDTree(centers)
    inverse = np.linalg.inv(np.moveaxis(corners[:, 1:] - corners[:, :1], 1, 2))
    which = np.full(len(queries), -1)
    coordinates = np.zeros((len(queries), corners.shape[1]))
    left, tried, count = np.arange(len(queries)), 0, 8
    while len(left) and tried < len(corners):
        count = min(count, len(corners))
        pending = []
        for rows in np.array_split(left, max(1, len(left) * count // _CHUNK)):
            ranks = np.arange(tried + 1, count + 1)
            near = np.asarray(tree.query(queries[rows], k=ranks, distance_upper_bound=radius)[1])
            candidate = np.minimum(near, len(corners) - 1)
            relative = queries[rows][:, None] - corners[candidate, 0]
            tail = np.einsum("qkij,qkj->qki", inverse[candidate], relative)
            at = np.concatenate([1 - tail.sum(axis=2, keepdims=True), tail], axis=2)
            depth = np.where(near < len(corners), at.min(axis=2), -np.inf)
            best = depth.argmax(axis=1)
            every = np.arange(len(rows))
            inside = depth[every, best] >= -_TOLERANCE
            which[rows[inside]] = candidate[every, best][inside]
            coordinates[rows[inside]] = at[every, best][inside]
            pending.append(rows[~inside & (near[:, -1] < len(corners))])  # more may be within the radius
        left, tried, count = np.concatenate(pending), count, 4 * count
    return which, coordinates


def _outer_simplices(mesh: Mesh) -> np.ndarray:
    """Return the boundary, cut into simplices; of a surface or curve in space itself."""
    if mesh.dim != mesh.cell_dim:
        return mesh.simplices
    if mesh.cell_dim < 3:
        return mesh.boundary_facets
    faces = mesh.boundary_facets
    counts = (faces >= 0).sum(axis=1)
    kinds = [kind for kind in (TRIANGLE, QUAD) if (counts == kind.nodes).any()]
    return np.concatenate([faces[counts == kind.nodes][:, np.array(kind.simplices)].reshape(-1, 3) for kind in kinds])


def _nearest(points: np.ndarray, facets: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the nodes and weights of the nearest point on eight facets that are near by their centers, and how near.

    With facets of about one size the nearest is among them; where their sizes vary strongly, nearly so.
    """
    count = min(8, len(facets))
    near = np.asarray(cKDTree(points[facets].mean(axis=1)).query(queries, k=np.arange(1, count + 1))[1])
    weights, distance = _closest(points[facets[near]], queries[:, None])
    best = distance.argmin(axis=1)
    every = np.arange(len(queries))
    return facets[near[every, best]], weights[every, best], distance[every, best]


def _closest(corners: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and distance of the nearest point of each simplex ``(..., k, d)``.

    Of the feet on all its corners, sides and itself, those within their part are candidates; corners always are.
    """
    size = corners.shape[-2]
    shape = np.broadcast_shapes(corners.shape[:-2], queries.shape[:-1])
    weights = np.zeros((*shape, size))
    distance = np.full(shape, np.inf)
    for count in range(1, size + 1):
        for part in itertools.combinations(range(size), count):
            foot = np.zeros((*shape, size))
            foot[..., part] = _projected(corners[..., part, :], queries)
            gap = np.linalg.norm((foot[..., None] * corners).sum(axis=-2) - queries, axis=-1)
            better = (foot >= 0).all(axis=-1) & (gap < distance)
            weights[better], distance[better] = foot[better], gap[better]
    return weights, distance


def _projected(corners: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return barycentric coordinates of the foot of the query on the plane (line, point) through the corners."""
    sides = corners[..., 1:, :] - corners[..., :1, :]
    gram = sides @ np.swapaxes(sides, -1, -2)
    right = (sides * (queries - corners[..., 0, :])[..., None, :]).sum(axis=-1)
    tail = np.linalg.solve(gram, right[..., None])[..., 0]
    return np.concatenate([1 - tail.sum(axis=-1, keepdims=True), tail], axis=-1)
