"""Prisms and pyramids as tetrahedra."""

from __future__ import annotations

import meshio
import numpy as np

#: Orders of the nodes of a prism that put node i first and keep it the same prism.
_TURNED_PRISMS = np.array(
    [
        [0, 1, 2, 3, 4, 5],
        [1, 2, 0, 4, 5, 3],
        [2, 0, 1, 5, 3, 4],
        [3, 5, 4, 0, 2, 1],
        [4, 3, 5, 1, 0, 2],
        [5, 4, 3, 2, 1, 0],
    ]
)
#: Tetrahedra of a prism whose first node has the least number, by the diagonal of the side opposite to it.
_PRISMS = np.array([[[0, 1, 2, 5], [0, 1, 5, 4], [0, 4, 5, 3]], [[0, 1, 2, 4], [0, 4, 2, 5], [0, 4, 5, 3]]])
#: Tetrahedra of a pyramid, by the diagonal of its base.
_PYRAMIDS = np.array([[[0, 1, 2, 4], [0, 2, 3, 4]], [[1, 2, 3, 4], [1, 3, 0, 4]]])


def cut(file: meshio.Mesh) -> meshio.Mesh:
    """Return the mesh with its prisms (``wedge``) and pyramids cut into tetrahedra, which have the values of the whole.

    A quadrilateral is cut along the diagonal through its node of the least number, so that neighbors fit (Dompierre et
    al., How to subdivide pyramids, prisms and hexahedra into tetrahedra, 1999).
    """
    if not any(block.type in ("wedge", "pyramid") for block in file.cells):
        return file
    points = np.asarray(file.points, dtype=float)
    cells, repeats = [], []
    for block in file.cells:
        parts = {"wedge": _cut_prisms, "pyramid": _cut_pyramids}.get(block.type)
        nodes = block.data if parts is None else _turned(points, parts(block.data)).reshape(-1, 4)
        cells.append((block.type if parts is None else "tetra", nodes))
        repeats.append(len(nodes) // max(1, len(block.data)))
    data = {
        name: [np.repeat(values, count, axis=0) for values, count in zip(arrays, repeats, strict=True)]
        for name, arrays in file.cell_data.items()
    }
    sets = {
        name: [
            rows if rows is None or count == 1 else _rows(rows, count)
            for rows, count in zip(places, repeats, strict=True)
        ]
        for name, places in file.cell_sets.items()
    }
    return meshio.Mesh(
        points, cells, file.point_data, data, field_data=file.field_data, point_sets=file.point_sets, cell_sets=sets
    )


def _cut_prisms(nodes: np.ndarray) -> np.ndarray:
    """Return tetrahedra (M, 3, 4)."""
    turned = np.take_along_axis(nodes, _TURNED_PRISMS[nodes.argmin(axis=1)], axis=1)
    other = np.minimum(turned[:, 1], turned[:, 5]) > np.minimum(turned[:, 2], turned[:, 4])
    return _picked(turned, _PRISMS[other.astype(int)])


def _cut_pyramids(nodes: np.ndarray) -> np.ndarray:
    """Return tetrahedra (M, 2, 4)."""
    other = np.minimum(nodes[:, 0], nodes[:, 2]) > np.minimum(nodes[:, 1], nodes[:, 3])
    return _picked(nodes, _PYRAMIDS[other.astype(int)])


def _picked(nodes: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.take_along_axis(nodes[:, None, :], places, axis=2)


def _turned(points: np.ndarray, tetrahedra: np.ndarray) -> np.ndarray:
    """Return tetrahedra so ordered that their volume is positive."""
    edges = points[tetrahedra[..., 1:]] - points[tetrahedra[..., :1]]
    inverted = np.linalg.det(edges) < 0
    return np.where(inverted[..., None], tetrahedra[..., [0, 2, 1, 3]], tetrahedra)


def _rows(rows: np.ndarray, count: int) -> np.ndarray:
    return (np.asarray(rows)[:, None] * count + np.arange(count)).ravel()
