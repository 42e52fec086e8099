"""What can be wrong with a mesh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.cells import KINDS, CellKind
from surrogate.datasets.meshes.connectivity import contains_rows

if TYPE_CHECKING:
    from surrogate.datasets.meshes.mesh import Block, Mesh

# Relative to the longest edge to the power of the dimension. A boundary layer has 1e-6, round-off 1e-16.
_NO_VOLUME = 1e-13


def points(values: Any) -> np.ndarray:
    """Return the points as float64 ``(N, d)``."""
    array = np.array(values, dtype=np.float64)
    if array.size == 0:
        raise expected("a mesh with points", "none", "Give at least one cell.")
    if array.ndim != 2 or not 1 <= array.shape[1] <= 3:
        raise expected("points (N, d) in one to three dimensions", f"shape {array.shape}", "Reshape them.")
    if len(array) < 2:
        raise expected("at least 2 points", len(array), "Give all nodes of at least one cell.")
    _refuse(~np.isfinite(array).all(axis=1), "finite coordinates", "points that are not", "Repair or remove them.")
    return array


def connectivity(points: np.ndarray, cells: np.ndarray, dim: int) -> None:
    """Check that the cells are of a known kind, have nodes that exist, and leave no point out."""
    if points.shape[1] < dim:
        do = "Add the missing coordinate, or give cells of lower dimension."
        raise expected(f"points in at least {dim} dimensions for such cells", f"{points.shape[1]}", do)
    present = cells >= 0
    counts = present.sum(axis=1)
    known = [kind.nodes for kind in KINDS.values() if kind.dim == dim]
    do = f"Cut the others; such cells have {' or '.join(map(str, known))}."
    _refuse(~np.isin(counts, known), f"a number of nodes that cells of dimension {dim} have", "other cells", do)
    filled = np.arange(cells.shape[1]) < counts[:, None]
    _refuse((present != filled).any(axis=1), "-1 only after the nodes of a cell", "other cells", "Correct them.")
    beyond = (cells >= len(points)) | (cells < -1)
    do = "Count from 0, and give all points."
    _refuse(beyond.any(axis=1), f"nodes from 0 to {len(points) - 1}", "cells with others", do)
    orphans = np.bincount(cells[present], minlength=len(points)) == 0
    do = "Remove them, and their values in fields, and renumber the cells."
    _refuse(orphans, "every point in a cell", "orphan points", do)


def density(points: np.ndarray, kind: CellKind, nodes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the volume (M, Q) per reference volume at ``at`` (Q, dim); negative where a cell is inside out."""
    jacobian = np.einsum("mkd,qkj->mqdj", points[nodes], kind.gradients(at))
    if points.shape[1] == kind.dim:
        determinant: np.ndarray = np.linalg.det(jacobian)
        return determinant
    gram = np.einsum("mqdi,mqdj->mqij", jacobian, jacobian)
    root: np.ndarray = np.sqrt(np.maximum(np.linalg.det(gram), 0.0))
    return root


def oriented(points: np.ndarray, blocks: Sequence[Block], cells: np.ndarray) -> np.ndarray:
    """Return the cells, those that are inside out turned."""
    turned = cells.copy()
    for kind, places, nodes in blocks:
        inverted = (density(points, kind, nodes, _corners(kind)) < 0).all(axis=1)
        turned[places[inverted], : kind.nodes] = nodes[inverted][:, kind.mirrored]
    return turned


def volumes(points: np.ndarray, blocks: Sequence[Block]) -> None:
    """Check that every cell has a positive volume at each of its corners."""
    for kind, places, nodes in blocks:
        corners = density(points, kind, nodes, _corners(kind))
        edges = points[nodes[:, np.array(kind.edges)]]
        longest = np.linalg.norm(edges[:, :, 1] - edges[:, :, 0], axis=2).max(axis=1)
        scaled = corners / np.maximum(longest, np.finfo(float).tiny)[:, None] ** kind.dim
        flat = (np.abs(scaled) <= _NO_VOLUME).any(axis=1)
        _refuse(flat, f"{kind.name} cells with a volume", "degenerate cells", "Remove or repair them.", places)
        twisted = (scaled < 0).any(axis=1) & (scaled > 0).any(axis=1)
        _refuse(twisted, f"convex {kind.name} cells", "twisted cells", "Order their nodes as VTK does.", places)
        do = "Reverse their nodes, or pass orient=True."
        _refuse((scaled < 0).any(axis=1), f"{kind.name} cells of positive volume", "inverted cells", do, places)


def tag(name: str, nodes: Any, mesh: Mesh) -> np.ndarray:
    """Return the tag as numbers of points ``(n,)`` or as facets ``(n, k)``."""
    array = np.array(nodes)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim not in (1, 2) or array.dtype.kind not in "iu":
        got = f"shape {array.shape} of {array.dtype}"
        raise expected(f"point numbers (n,) or facets (n, k) in tag {name!r}", got, "Correct the tag.")
    array = array.astype(np.int64)
    low = 0 if array.ndim == 1 else -1
    outside = (array < low) | (array >= mesh.n_points)
    if outside.any():
        got = f"{int(outside.sum())} others, the first {array[outside][0]}"
        raise expected(f"points from 0 to {mesh.n_points - 1} in tag {name!r}", got, "Correct the tag.")
    if array.ndim == 1:
        return np.unique(array)
    array = array[:, (array >= 0).any(axis=0)]
    touched = np.zeros(mesh.n_points + 1, dtype=bool)  # the last for -1
    touched[array] = touched[-1] = True
    known = contains_rows(mesh.facets[touched[mesh.facets].all(axis=1)], array)
    _refuse(~known, f"facets of the mesh in tag {name!r}", "that are none", "Name each facet by its own points.")
    return array


def _corners(kind: CellKind) -> np.ndarray:
    corners = np.array(kind.corners, dtype=float)
    return corners[:1] if kind.is_simplex else corners


def _refuse(bad: Any, what: str, got: str, do: str, places: np.ndarray | None = None) -> None:
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        number = first if places is None else int(places[first])
        raise expected(what, f"{int(bad.sum())} {got}, the first number {number}", do)
