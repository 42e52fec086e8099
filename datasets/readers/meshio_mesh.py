"""What meshio has read, as a mesh of ours with values at its nodes and in its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import meshio
import numpy as np

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.cells import KINDS
from surrogate.datasets.meshes.connectivity import stacked
from surrogate.datasets.meshes.mesh import Mesh

#: Names of meshio for our kinds of cells; its 1-D cells are lines.
MESHIO_KINDS = {
    "line": "segment",
    "triangle": "triangle",
    "quad": "quad",
    "tetra": "tetrahedron",
    "hexahedron": "hexahedron",
}
#: How writers name the tags among the data of points.
TAG_PREFIX = "tag:"

#: For each field its dimension (``node`` or ``cell``) and its values.
Values = dict[str, tuple[str, np.ndarray]]


class Shape(NamedTuple):
    """Points ``(N, d)`` and cells ``(M, k)`` of a mesh that has not been checked, and the dimension of the cells."""

    points: np.ndarray
    cells: np.ndarray
    cell_dim: int


class _Block(NamedTuple):
    number: int
    kind: str
    nodes: np.ndarray


def shape_of(file: meshio.Mesh, path: Path) -> Shape:
    """Return points and cells; a last coordinate that is zero everywhere is left out where the cells do not need it.

    Raises
    ------
    InputError
        No cells, or kinds of them that we do not know.
    """
    blocks = _blocks(file, path)
    dim = max(KINDS[block.kind].dim for block in blocks)
    points = np.asarray(file.points, dtype=float)
    while points.shape[1] > dim and not points[:, -1].any():
        points = points[:, :-1]
    return Shape(points, stacked([block.nodes.astype(np.int64) for block in _inner(blocks)]), dim)


def mesh_of(file: meshio.Mesh, path: Path) -> Mesh:
    """Return the mesh; named sets of points and of cells of the boundary become tags.

    Raises
    ------
    InputError
        No cells, kinds of them that we do not know, or what `Mesh` refuses.
    """
    points, cells, dim = shape_of(file, path)
    return Mesh(points, cells, _tags(file, _blocks(file, path), dim), cell_dim=dim)


def values_of(file: meshio.Mesh, path: Path, names: Mapping[str, str] | None = None) -> Values:
    """Return the values at nodes and in cells, under their new names if there are some.

    Vectors become ``velocity_x`` and so on; a field of cells that the nodes have, too, gets the suffix ``_cell``.

    Raises
    ------
    InputError
        Two fields of one name.
    """
    inner = _inner(_blocks(file, path))
    found: Values = {}
    data: list[tuple[str, str, Any]] = [("node", name, values) for name, values in file.point_data.items()]
    for name, parts in file.cell_data.items():
        label = f"{name}_cell" if name in file.point_data else name
        data.append(("cell", label, np.concatenate([np.asarray(parts[block.number]) for block in inner])))
    for dim, name, given in data:
        if name.startswith((TAG_PREFIX, "gmsh:", "medit:")):
            continue
        for suffix, column in components(np.asarray(given)).items():
            label = (names or {}).get(name + suffix, name + suffix)
            if label in found:
                raise expected("fields of different names", f"{label!r} twice", "Pass other `names`.")
            found[label] = dim, column
    return found


def components(values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scalar fields ``(N,)`` in values ``(N, ...)``, in single precision if they are, by suffix of name."""
    values = values.astype(np.float32 if values.dtype == np.float32 else np.float64)
    columns = values.reshape(len(values), -1)
    if columns.shape[1] == 1:
        return {"": columns[:, 0]}
    return {f"_{axis}": column for axis, column in zip(component_names(columns.shape[1]), columns.T, strict=True)}


def component_names(count: int) -> Sequence[str]:
    """Return what the components of a vector are called: x, y, z, or 0, 1, ... where there are more."""
    return "xyz"[:count] if count <= 3 else [str(number) for number in range(count)]


def _blocks(file: meshio.Mesh, path: Path) -> list[_Block]:
    unknown = {block.type for block in file.cells} - MESHIO_KINDS.keys() - {"vertex"}
    if unknown:
        known = ", ".join(MESHIO_KINDS)
        raise expected(f"cells out of {known} in {str(path)!r}", sorted(unknown), "Cut or linearize them.")
    blocks = [_Block(number, MESHIO_KINDS[b.type], b.data) for number, b in enumerate(file.cells) if b.type != "vertex"]
    if not blocks:
        raise expected(f"a mesh with cells in {str(path)!r}", "none", "Export the cells as well.")
    return blocks


def _inner(blocks: Sequence[_Block]) -> list[_Block]:
    """Return the cells of highest dimension; the others lie on the boundary."""
    dim = max(KINDS[block.kind].dim for block in blocks)
    return [block for block in blocks if KINDS[block.kind].dim == dim]


def _tags(file: meshio.Mesh, blocks: Sequence[_Block], dim: int) -> dict[str, np.ndarray]:
    tags = {name: np.asarray(nodes, dtype=np.int64) for name, nodes in file.point_sets.items()}
    for name, values in file.point_data.items():
        if name.startswith(TAG_PREFIX):
            tags[name.removeprefix(TAG_PREFIX)] = np.flatnonzero(values)
    facets = [(block.number, block.nodes) for block in blocks if KINDS[block.kind].dim == dim - 1]
    for name, rows in file.cell_sets.items():
        parts = [nodes[rows[number]] for number, nodes in facets if rows[number] is not None and len(rows[number])]
        if parts:
            tags[name] = stacked(parts).astype(np.int64)
    names = {int(value[0]): name for name, value in file.field_data.items() if int(value[1]) == dim - 1}
    physical = file.cell_data.get("gmsh:physical")
    for number, name in names.items() if physical is not None else ():
        parts = [nodes[np.asarray(physical[place]) == number] for place, nodes in facets]
        tags.setdefault(name, np.concatenate(parts).astype(np.int64))
    return tags
