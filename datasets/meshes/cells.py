"""Kinds of cells: what a segment, a triangle, a quadrilateral, a tetrahedron and a hexahedron are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

Rows = tuple[tuple[int, ...], ...]

_GAUSS = 1 / np.sqrt(3)


@dataclass(frozen=True)
class CellKind:
    r"""A reference cell, its parts by local node number, and its Lagrange functions of first order.

    Simplices have the corners 0 and the unit vectors, with :math:`N_0 = 1 - \sum_i \xi_i` and :math:`N_i = \xi_i`; the
    others are :math:`[-1, 1]^n` with :math:`N_i = \prod_j (1 + s_{ij} \xi_j) / 2` for the corner :math:`s_i`. Nodes are
    numbered as in VTK. The nodes of a facet are so ordered that its normal points outward; ``mirrored`` is an order of
    the nodes that turns the cell inside out, and ``simplices`` cut it.
    """

    name: str
    corners: Rows
    edges: Rows
    facets: Rows
    simplices: Rows
    mirrored: tuple[int, ...]

    @property
    def dim(self) -> int:
        """Dimension of the cell."""
        return len(self.corners[0])

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.corners)

    @property
    def is_simplex(self) -> bool:
        """Whether the cell has one node more than its dimension."""
        return self.nodes == self.dim + 1

    @property
    def quadrature(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (Q, dim) and weights (Q,) that integrate the Lagrange functions over any cell exactly."""
        if self.is_simplex:
            volume = 1 / np.prod(np.arange(1, self.dim + 1))
            return np.full((1, self.dim), 1 / (self.dim + 1)), np.array([volume])
        points = np.array(list(itertools.product((-_GAUSS, _GAUSS), repeat=self.dim)))
        return points, np.ones(len(points))

    def functions(self, points: np.ndarray) -> np.ndarray:
        """Return the values (Q, nodes) of the Lagrange functions at ``points`` (Q, dim)."""
        if self.is_simplex:
            return np.column_stack([1 - points.sum(axis=1), points])
        values: np.ndarray = np.prod((1 + np.array(self.corners) * points[:, None, :]) / 2, axis=2)
        return values

    def gradients(self, points: np.ndarray) -> np.ndarray:
        """Return the gradients (Q, nodes, dim) of the Lagrange functions at ``points`` (Q, dim)."""
        if self.is_simplex:
            return np.tile(np.vstack([-np.ones(self.dim), np.eye(self.dim)]), (len(points), 1, 1))
        signs = np.array(self.corners, dtype=float)
        factors = (1 + signs * points[:, None, :]) / 2
        columns = [
            signs[:, j] / 2 * np.prod(np.delete(factors, j, axis=2), axis=2) for j in range(self.dim)
        ]  # the product rule: all factors but one
        return np.stack(columns, axis=2)


SEGMENT = CellKind("segment", ((0,), (1,)), ((0, 1),), ((0,), (1,)), ((0, 1),), (1, 0))
TRIANGLE = CellKind(
    "triangle",
    ((0, 0), (1, 0), (0, 1)),
    ((0, 1), (1, 2), (2, 0)),
    ((0, 1), (1, 2), (2, 0)),
    ((0, 1, 2),),
    (0, 2, 1),
)
QUAD = CellKind(
    "quad",
    ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    ((0, 1), (1, 2), (2, 3), (3, 0)),
    ((0, 1), (1, 2), (2, 3), (3, 0)),
    ((0, 1, 2), (0, 2, 3)),
    (0, 3, 2, 1),
)
TETRAHEDRON = CellKind(
    "tetrahedron",
    ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)),
    ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)),
    ((0, 1, 2, 3),),
    (0, 2, 1, 3),
)
HEXAHEDRON = CellKind(
    "hexahedron",
    ((-1, -1, -1), (1, -1, -1), (1, 1, -1), (-1, 1, -1), (-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)),
    ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7)),
    ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)),
    ((0, 1, 2, 6), (0, 2, 3, 6), (0, 3, 7, 6), (0, 7, 4, 6), (0, 4, 5, 6), (0, 5, 1, 6)),
    (4, 5, 6, 7, 0, 1, 2, 3),
)

KINDS = {kind.name: kind for kind in (SEGMENT, TRIANGLE, QUAD, TETRAHEDRON, HEXAHEDRON)}


def kind_of(dim: int, nodes: int) -> CellKind | None:
    """Return the kind of cells of that dimension and number of nodes, or None."""
    return next((kind for kind in KINDS.values() if (kind.dim, kind.nodes) == (dim, nodes)), None)
