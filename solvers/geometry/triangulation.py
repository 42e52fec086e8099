"""Triangulation of polygons: Delaunay meshes of nearly equilateral triangles that follow every side."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.spatial import Delaunay, cKDTree

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.connectivity import contains_rows
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.solvers.geometry.polygon import Polygon

_SWEEPS, _MOVES = 4, 3
# Points nearer to a side would lie in the circle over a part of it, which then might not be an edge of the mesh.
_CLEARANCE = 0.6
_FLAT = 1e-9


def triangulate(polygon: Polygon, size: float) -> tuple[Mesh, np.ndarray]:
    r"""Return a triangular mesh with edges of about ``size``, and the number of the material of each cell.

    The sides of all loops are cut into equal parts; a hexagonal lattice fills what is between. Each inner point
    then moves to the mean of the centers of its triangles, weighted by their area, three times for each of four
    triangulations. The same arguments give the same mesh. Tags: ``outer``, and ``hole_0``, ``hole_1``, ... for the
    holes.

    Raises
    ------
    InputError
        A size that is not positive, or too large for a corner or gap of the polygon.

    References
    ----------
    Chen & Holst, Comput. Methods Appl. Mech. Eng. 200 (2011) 967 (smoothing). Persson & Strang, SIAM Rev. 46 (2004) 329
    (the outline: boundary, lattice, relaxation).
    """
    if not 0 < size < np.inf:
        raise expected("a positive size of the triangles", size, "Correct `size`.")
    loops = [_divide(loop, size) for loop in polygon.loops]
    fixed = np.concatenate(loops)
    rings = _rings(loops)
    parts = np.concatenate(rings)
    points = np.concatenate([fixed, _lattice(polygon, size)])
    for _ in range(_SWEEPS):
        triangles = _triangles(polygon, points)
        for _ in range(_MOVES):
            points = _relaxed(points, triangles, len(fixed))
        points = _without_encroaching(points, fixed, parts)
    triangles = _triangles(polygon, points)
    used, triangles = np.unique(triangles, return_inverse=True)
    missing = ~contains_rows(_sides(triangles.reshape(-1, 3)), parts)
    if missing.any() or len(used) < len(points):
        do = "Use a smaller size, or widen its narrow corners and gaps."
        raise expected(f"a polygon that triangles of size {size:.3g} can follow", "sides that are no edges", do)
    mesh = Mesh(points, {"triangle": triangles.reshape(-1, 3)}, _tags(polygon, rings), orient=True)
    return mesh, polygon.material(mesh.cell_centers)


def minimum_angles(mesh: Mesh) -> np.ndarray:
    """Return the smallest angle of each triangle in degrees."""
    corners = mesh.points[mesh.cells]
    a, b = np.roll(corners, -1, axis=1) - corners, np.roll(corners, 1, axis=1) - corners
    cosine = (a * b).sum(axis=2) / np.linalg.norm(a, axis=2) / np.linalg.norm(b, axis=2)
    smallest: np.ndarray = np.degrees(np.arccos(cosine.clip(-1, 1))).min(axis=1)
    return smallest


def _divide(loop: np.ndarray, size: float) -> np.ndarray:
    """Return the corners of a loop and the points that cut its sides into equal parts of at most ``size``."""
    parts = []
    for start, end in zip(loop, np.roll(loop, -1, axis=0), strict=True):
        count = max(1, int(np.ceil(np.linalg.norm(end - start) / size - 1e-9)))
        parts.append(start + np.arange(count)[:, None] / count * (end - start))
    return np.concatenate(parts)


def _rings(loops: list[np.ndarray]) -> list[np.ndarray]:
    """Return for each loop both ends of the parts of its sides, as numbers of points."""
    starts = np.cumsum([0, *(len(loop) for loop in loops)])
    return [np.stack([ring, np.roll(ring, -1)], axis=1) for ring in (np.arange(a, b) for a, b in pairwise(starts))]


def _lattice(polygon: Polygon, size: float) -> np.ndarray:
    low, high = polygon.outer.min(axis=0), polygon.outer.max(axis=0)
    columns = np.arange(low[0], high[0], size)
    rows = np.arange(low[1], high[1], size * np.sqrt(3) / 2)
    x, y = np.meshgrid(columns, rows)
    x[1::2] += size / 2
    points = np.column_stack([x.ravel(), y.ravel()])
    points = points[polygon.contains(points)]
    kept: np.ndarray = points[polygon.distance(points) > _CLEARANCE * size]
    return kept


def _triangles(polygon: Polygon, points: np.ndarray) -> np.ndarray:
    triangles = Delaunay(points).simplices
    corners = points[triangles]
    doubled = _doubled_areas(corners)
    flat = doubled <= _FLAT * ((corners[:, 1] - corners[:, 0]) ** 2).sum(axis=1)  # round-off on a straight side
    kept: np.ndarray = triangles[~flat & polygon.contains(corners.mean(axis=1))]
    return kept


def _doubled_areas(corners: np.ndarray) -> np.ndarray:
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    doubled: np.ndarray = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    return doubled


def _relaxed(points: np.ndarray, triangles: np.ndarray, n_fixed: int) -> np.ndarray:
    corners = points[triangles]
    areas = _doubled_areas(corners)
    moments = areas[:, None] * corners.mean(axis=1)
    flat = triangles.ravel()
    sums = [np.bincount(flat, np.repeat(values, 3), minlength=len(points)) for values in (areas, *moments.T)]
    moved = points.copy()
    inner = np.flatnonzero(sums[0] > 0)
    inner = inner[inner >= n_fixed]
    moved[inner] = np.stack([total[inner] / sums[0][inner] for total in sums[1:]], axis=1)
    return moved


def _without_encroaching(points: np.ndarray, fixed: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Leave out inner points in the circle over a part of a side."""
    inner, ends = points[len(fixed) :], fixed[parts]
    if not len(inner):
        return points
    radius = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) / 2
    found = cKDTree(inner).query(ends.mean(axis=1), k=list(range(1, 1 + min(4, len(inner)))))
    distance, nearest = (np.asarray(part) for part in found)
    return np.concatenate([fixed, np.delete(inner, np.unique(nearest[distance <= radius[:, None]]), axis=0)])


def _sides(triangles: np.ndarray) -> np.ndarray:
    return triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)


def _tags(polygon: Polygon, rings: list[np.ndarray]) -> dict[str, np.ndarray]:
    names = ["outer", *(f"hole_{i}" for i in range(len(polygon.holes)))]
    return dict(zip(names, rings, strict=False))
