"""Files of simulation codes: VTU, VTK, XDMF, Gmsh and what else meshio reads, as fields on meshes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import xarray as xr

from surrogate.datasets.cells import KINDS
from surrogate.datasets.connectivity import stacked
from surrogate.datasets.errors import expected
from surrogate.datasets.mesh import Mesh
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.ugrid import describe_many

#: Names of meshio for our kinds of cells; its 1-D cells are lines.
MESHIO_KINDS = {
    "line": "segment",
    "triangle": "triangle",
    "quad": "quad",
    "tetra": "tetrahedron",
    "hexahedron": "hexahedron",
}
SUFFIXES = (".vtu", ".vtk", ".xdmf", ".msh")
#: How `save_mesh` names the tags among the data of points.
TAG_PREFIX = "tag:"

Values = dict[str, tuple[str, np.ndarray]]


def read_mesh(path: Path, names: Mapping[str, str] | None = None) -> xr.Dataset:
    """Return the mesh and the fields of one file, as `read_meshes` does."""
    return read_meshes([path], names)


def read_meshes(paths: Sequence[Path], names: Mapping[str, str] | None = None) -> xr.Dataset:
    """Return the meshes and fields of several files, one sample each.

    Where all files hold the same mesh there is one for all samples, otherwise samples are joined along ``node`` and
    ``cell``. Fields of vectors become ``velocity_x``, ``velocity_y`` and so on. Named sets of points and of cells of
    the boundary become tags. A z coordinate that is zero everywhere is left out for flat meshes.

    Raises
    ------
    InputError
        A file that cannot be read, has kinds of cells we do not know, a wrong mesh, or not the fields of the first.
    """
    samples = [_read(path, names or {}) for path in paths]
    first = samples[0][1]
    for path, (_, values) in zip(paths, samples, strict=True):
        if {k: v[0] for k, v in values.items()} != {k: v[0] for k, v in first.items()}:
            do = "Give all files the same fields, or open them apart."
            raise expected(f"the fields {sorted(first)} in {str(path)!r}, as in the first", sorted(values), do)
    meshes = [mesh for mesh, _ in samples]
    shared = all(mesh == meshes[0] for mesh in meshes)
    variables = {}
    for name, (dim, _) in first.items():
        arrays = [values[name][1] for _, values in samples]
        joined = (("sample", dim), np.stack(arrays)) if shared else (dim, np.concatenate(arrays))
        attrs = {"units": "1", "long_name": name, "mesh": "mesh", "location": "node" if dim == "node" else "face"}
        variables[name] = (*joined, attrs)
    coords = meshes[0].coordinates() if shared else describe_many(meshes)
    return xr.Dataset(variables, coords=coords, attrs={"source": ", ".join(str(path) for path in paths)})


def _read(path: Path, names: Mapping[str, str]) -> tuple[Mesh, Values]:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # meshio prints warnings
            file = meshio.read(path)
    except (Exception, SystemExit) as error:  # a damaged file makes its parsers raise anything
        raise unreadable("a readable mesh in", path, error) from error
    unknown = {block.type for block in file.cells} - MESHIO_KINDS.keys() - {"vertex"}
    if unknown:
        known = ", ".join(MESHIO_KINDS)
        raise expected(f"cells out of {known} in {str(path)!r}", sorted(unknown), "Cut or linearize them.")
    blocks = [(number, MESHIO_KINDS[b.type], b.data) for number, b in enumerate(file.cells) if b.type != "vertex"]
    if not blocks:
        raise expected(f"a mesh with cells in {str(path)!r}", "none", "Export the cells as well.")
    dim = max(KINDS[kind].dim for _, kind, _ in blocks)
    inner = [(number, kind, nodes) for number, kind, nodes in blocks if KINDS[kind].dim == dim]
    points = np.asarray(file.points, dtype=float)
    if points.shape[1] == 3 and dim < 3 and not points[:, 2].any():
        points = points[:, :2]
    cells = stacked([nodes.astype(np.int64) for _, _, nodes in inner])
    tags = _tags(file, blocks, dim)
    mesh = Mesh(points, cells, tags, cell_dim=dim)
    return mesh, _values(file, [number for number, _, _ in inner], names)


def _tags(file: meshio.Mesh, blocks: Sequence[tuple[int, str, np.ndarray]], dim: int) -> dict[str, np.ndarray]:
    tags = {name: np.asarray(nodes, dtype=np.int64) for name, nodes in file.point_sets.items()}
    for name, values in file.point_data.items():
        if name.startswith(TAG_PREFIX):
            tags[name.removeprefix(TAG_PREFIX)] = np.flatnonzero(values)
    facets = [(number, nodes) for number, kind, nodes in blocks if KINDS[kind].dim == dim - 1]
    for name, rows in file.cell_sets.items():
        parts = [nodes[rows[number]] for number, nodes in facets if rows[number] is not None and len(rows[number])]
        if parts and len({part.shape[1] for part in parts}) == 1:
            tags[name] = np.concatenate(parts).astype(np.int64)
    names = {int(value[0]): name for name, value in file.field_data.items() if int(value[1]) == dim - 1}
    physical = file.cell_data.get("gmsh:physical")
    for number, name in names.items() if physical is not None else ():
        parts = [nodes[np.asarray(physical[place]) == number] for place, nodes in facets]
        tags.setdefault(name, np.concatenate(parts).astype(np.int64))
    return tags


def _values(file: meshio.Mesh, blocks: Sequence[int], names: Mapping[str, str]) -> Values:
    found: dict[str, tuple[str, np.ndarray]] = {}
    data: list[tuple[str, str, Any]] = [("node", name, values) for name, values in file.point_data.items()]
    for name, parts in file.cell_data.items():
        data.append(("cell", name, np.concatenate([np.asarray(parts[number]) for number in blocks])))
    for dim, name, given in data:
        if name.startswith((TAG_PREFIX, "gmsh:", "medit:")):
            continue
        values = np.asarray(given)
        values = values.astype(np.float32 if values.dtype == np.float32 else np.float64)
        columns = values.reshape(len(values), -1)
        axes = "xyz" if columns.shape[1] <= 3 else range(columns.shape[1])
        suffixes = [""] if columns.shape[1] == 1 else [f"_{axis}" for axis in axes]
        for suffix, column in zip(suffixes, columns.T, strict=False):
            label = names.get(name + suffix, name + suffix)
            if label in found:
                raise expected("fields of different names", f"{label!r} twice", "Pass other `names`.")
            found[label] = dim, column
    return found
