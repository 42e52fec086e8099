"""Grids of VTK, as PyVista gives them, in the form of meshio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import meshio
import numpy as np

from surrogate.datasets.errors import expected

#: Kinds of cells by their number in VTK, and the order of their nodes where it is another one.
_CELLS: dict[int, tuple[str, Sequence[int]]] = {
    3: ("line", (0, 1)),
    5: ("triangle", (0, 1, 2)),
    8: ("quad", (0, 1, 3, 2)),
    9: ("quad", (0, 1, 2, 3)),
    10: ("tetra", (0, 1, 2, 3)),
    11: ("hexahedron", (0, 1, 3, 2, 4, 5, 7, 6)),
    12: ("hexahedron", tuple(range(8))),
    13: ("wedge", tuple(range(6))),
    14: ("pyramid", tuple(range(5))),
}
_TETRAHEDRON, _POLYHEDRON = 10, 42


def joined(grids: Sequence[Any], tags: Mapping[str, np.ndarray], path: Path) -> meshio.Mesh:
    """Return grids as one mesh, each with its own points; ``tags`` hold the coordinates of tagged points.

    Raises
    ------
    InputError
        Cells that we do not know, or grids with different fields.
    """
    parts = [grid.cast_to_unstructured_grid() for grid in grids]
    starts = np.cumsum([0, *(part.n_points for part in parts)])
    points = np.concatenate([np.asarray(part.points, dtype=np.float64) for part in parts])
    cells: list[tuple[str, np.ndarray]] = []
    in_cells: dict[str, list[np.ndarray]] = {name: [] for name in _names(parts, "cell_data", path)}
    for part, start in zip(parts, starts, strict=False):
        for number in np.unique(part.celltypes).tolist():
            kind, nodes, values = _block(part, number, path)
            cells.append((kind, nodes + start))
            for name, arrays in in_cells.items():
                arrays.append(np.asarray(values[name]))
    at_nodes = {
        name: np.concatenate([np.asarray(part.point_data[name]) for part in parts])
        for name in _names(parts, "point_data", path)
    }
    sets = {name: _places(points, tagged) for name, tagged in tags.items()}
    return meshio.Mesh(points, cells, at_nodes, in_cells, point_sets=sets)


def _block(part: Any, number: int, path: Path) -> tuple[str, np.ndarray, Mapping[str, Any]]:
    """Return the cells of one kind with their values; polyhedra as tetrahedra between their corners."""
    if number == _POLYHEDRON:
        cut = part.extract_cells(np.flatnonzero(part.celltypes == number)).triangulate()
        nodes = np.asarray(cut.point_data["vtkOriginalPointIds"])[cut.cells_dict[_TETRAHEDRON]].astype(np.int64)
        edges = np.asarray(part.points, dtype=np.float64)[nodes]
        edges = edges[:, 1:] - edges[:, :1]
        volumes = np.linalg.det(edges)
        solid = np.abs(volumes) > 1e-12 * np.linalg.norm(edges, axis=2).max(axis=1) ** 3  # corners may lie in one plane
        nodes = np.where(volumes[:, None] < 0, nodes[:, [0, 2, 1, 3]], nodes)
        return "tetra", nodes[solid], {name: np.asarray(v)[solid] for name, v in cut.cell_data.items()}
    if number not in _CELLS:
        do = "Cut or linearize them (in ParaView: Tetrahedralize)."
        raise expected(f"cells of a kind that we know in {str(path)!r}", f"number {number} of VTK", do)
    kind, order = _CELLS[number]
    chosen = part.celltypes == number
    nodes = part.cells_dict[number][:, order].astype(np.int64)
    return kind, nodes, {name: np.asarray(v)[chosen] for name, v in part.cell_data.items()}


def _names(parts: Sequence[Any], kind: str, path: Path) -> list[str]:
    names = [sorted(name for name, _ in getattr(part, kind).items() if not name.startswith("vtk")) for part in parts]
    if any(other != names[0] for other in names):
        raise expected(f"the same fields in all parts of {str(path)!r}", names, "Export them for all parts.")
    return names[0]


def _places(points: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the numbers of the points with exactly these coordinates."""
    row = np.dtype((np.void, points.dtype.itemsize * points.shape[1]))
    mine, theirs = (np.ascontiguousarray(a, dtype=np.float64).view(row).ravel() for a in (points + 0.0, wanted + 0.0))
    return np.flatnonzero(np.isin(mine, theirs))
