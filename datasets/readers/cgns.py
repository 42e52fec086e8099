"""CGNS files in HDF5: unstructured and structured zones, with solutions at vertices and in cells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import h5py
import meshio
import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.meshes.grid_meshes import lattice
from surrogate.datasets.readers.hdf5 import dataset_in, opened
from surrogate.datasets.readers.hdf5_claims import refuse_references
from surrogate.datasets.readers.meshio_mesh import MESHIO_KINDS
from surrogate.datasets.readers.recordings import Recording, recordings_to_fields

#: Types of elements by their number in the standard, with their number of nodes.
_ELEMENTS = {
    2: ("vertex", 1),
    3: ("line", 2),
    5: ("triangle", 3),
    7: ("quad", 4),
    10: ("tetra", 4),
    12: ("pyramid", 5),
    14: ("wedge", 6),
    17: ("hexahedron", 8),
}
_MIXED = 20
_DIMENSIONS = {"vertex": 0, "line": 1, "triangle": 2, "quad": 2, "tetra": 3, "pyramid": 3, "wedge": 3, "hexahedron": 3}
_OURS = {ours: theirs for theirs, ours in MESHIO_KINDS.items()}


class _Block(NamedTuple):
    """Elements of one kind in a section, and their numbers in the zone."""

    section: str
    kind: str
    nodes: np.ndarray
    numbers: np.ndarray


class _Zone(NamedTuple):
    points: np.ndarray
    blocks: list[_Block]
    at_nodes: dict[str, np.ndarray]
    in_cells: dict[str, np.ndarray]


def read_cgns(path: Path) -> xr.Dataset:
    """Return all zones of the first base as one mesh, each with its own points, and their solutions at all times.

    Sections of elements of lower dimension become tags under their names. Without times there is one solution.

    Raises
    ------
    InputError
        The file is damaged or older than HDF5, has elements that we do not know, or zones with different fields.
    """
    with _opened(path) as file:
        times = _times(_base(file, path))
    fields = recordings_to_fields([Recording(path, times or [0.0], partial(_frame, path), rigid=True)])
    return check(fields if times else fields.isel(time=0, drop=True), values=False)


def _frame(path: Path, number: int) -> meshio.Mesh:
    with _opened(path) as file:
        zones = [_read_zone(zone, number, path) for zone in _zones(_base(file, path))]
    for zone in zones:
        if zone.at_nodes.keys() != zones[0].at_nodes.keys() or zone.in_cells.keys() != zones[0].in_cells.keys():
            do = "Export them for all zones."
            raise expected(f"the same fields in all zones of {str(path)!r}", sorted(zone.at_nodes | zone.in_cells), do)
    starts = np.cumsum([0, *(len(zone.points) for zone in zones)])
    blocks = [(zone, block, start) for zone, start in zip(zones, starts, strict=False) for block in zone.blocks]
    top = max(_DIMENSIONS[block.kind] for _, block, _ in blocks)
    nodes = {n: np.concatenate([zone.at_nodes[n] for zone in zones]) for n in zones[0].at_nodes}
    owners = [(zone, block, _places(zone, block, top)) for zone, block, _ in blocks]
    cells = {n: [_values(zone, n, block, places) for zone, block, places in owners] for n in zones[0].in_cells}
    empty = np.empty(0, dtype=np.int64)
    sets = {
        name: [np.arange(len(block.nodes)) if block.section == name else empty for _, block, _ in blocks]
        for name in {block.section for _, block, _ in blocks if _DIMENSIONS[block.kind] == top - 1}
    }
    points = np.concatenate([zone.points for zone in zones])
    return meshio.Mesh(points, [(b.kind, b.nodes + at) for _, b, at in blocks], nodes, cells, cell_sets=sets)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    with opened(path) as file:
        refuse_references(file)
        yield file


def _values(zone: _Zone, name: str, block: _Block, places: np.ndarray | None) -> np.ndarray:
    return np.zeros(len(block.nodes)) if places is None else zone.in_cells[name][places]


def _places(zone: _Zone, block: _Block, top: int) -> np.ndarray | None:
    """Return where in a field the values of the elements of a block are; those of the boundary have none."""
    if _DIMENSIONS[block.kind] < top:
        return None
    inner = np.sort(np.concatenate([other.numbers for other in zone.blocks if _DIMENSIONS[other.kind] == top]))
    return np.searchsorted(inner, block.numbers)


def _base(file: h5py.File, path: Path) -> h5py.Group:
    """Return the first group that has zones."""
    found = next((group for group in _groups(file) if next(_zones(group), None) is not None), None)
    if found is None:
        raise expected(f"a base with zones in {str(path)!r}", sorted(file), "Export the mesh as well.")
    return found


def _zones(base: h5py.Group) -> Iterator[h5py.Group]:
    return (group for group in _groups(base) if "GridCoordinates" in group)


def _groups(parent: h5py.Group) -> Iterator[h5py.Group]:
    found = (parent.get(name) for name in parent)
    return (group for group in found if isinstance(group, h5py.Group))


def _data(group: h5py.Group, *names: str) -> np.ndarray:
    values: np.ndarray = dataset_in(group, "/".join([*names, " data"]))[()]
    return values


def _text(group: h5py.Group, name: str, default: str) -> str:
    return _data(group, name).astype("u1").tobytes().decode("ascii").strip() if name in group else default


def _times(base: h5py.Group) -> list[float]:
    found = next((group for group in _groups(base) if "TimeValues" in group), None)
    return [] if found is None else [float(time) for time in _data(found, "TimeValues").ravel()]


def _read_zone(zone: h5py.Group, number: int, path: Path) -> _Zone:
    names = [f"Coordinate{axis}" for axis in "XYZ" if f"Coordinate{axis}" in zone["GridCoordinates"]]
    axes = [_data(zone, "GridCoordinates", name) for name in names]
    points = np.column_stack([axis.ravel() for axis in axes]).astype(np.float64)
    if _text(zone, "ZoneType", "Unstructured") == "Structured":
        kind, cells = lattice(np.arange(len(points)).reshape(axes[0].shape).T)  # the file has the last axis first
        nodes = np.moveaxis(cells, -1, 0).T.reshape(-1, kind.nodes)
        blocks = [_Block("", _OURS[kind.name], nodes, np.arange(len(nodes)))]
    else:
        sections = [group for group in _groups(zone) if "ElementConnectivity" in group]
        blocks = [block for section in sections for block in _blocks(section, path)]
    if not blocks:
        raise expected(f"a mesh with cells in {str(path)!r}", "none", "Export the cells as well.")
    at_nodes: dict[str, np.ndarray] = {}
    in_cells: dict[str, np.ndarray] = {}
    for solution in _solutions(zone, number):
        place = _text(solution, "GridLocation", "Vertex")
        if place not in ("Vertex", "CellCenter"):
            raise expected(f"solutions at vertices or in cells of {str(path)!r}", place, "Export them so.")
        found = {name: _data(solution, name).ravel() for name in solution if _is_field(solution[name])}
        (at_nodes if place == "Vertex" else in_cells).update(found)
    return _Zone(points, blocks, at_nodes, in_cells)


def _is_field(group: object) -> bool:
    return isinstance(group, h5py.Group) and " data" in group and group[" data"].dtype.kind == "f"


def _solutions(zone: h5py.Group, number: int) -> list[h5py.Group]:
    """Return the solutions of a frame: those that the zone points to at this time, or else all that it has."""
    pointers = next((group for group in _groups(zone) if "FlowSolutionPointers" in group), None)
    if pointers is not None:
        rows = _data(pointers, "FlowSolutionPointers").astype("u1")
        name = rows.reshape(-1, rows.shape[-1])[number].tobytes().decode("ascii").strip()
        return [zone[name]]
    skipped = {"GridCoordinates", "ZoneBC", "ZoneType", "ZoneGridConnectivity"}
    groups = (zone[name] for name in zone if name not in skipped and isinstance(zone[name], h5py.Group))
    return [group for group in groups if "ElementConnectivity" not in group and any(map(_is_field, group.values()))]


def _blocks(section: h5py.Group, path: Path) -> list[_Block]:
    name = section.name.rsplit("/", 1)[-1]
    connectivity = _data(section, "ElementConnectivity").ravel().astype(np.int64)
    first, last = (int(number) for number in _data(section, "ElementRange").ravel())
    numbers = np.arange(first, last + 1)
    code = int(_data(section).ravel()[0]) if " data" in section else 10  # meshio writes tetrahedra, and no type
    if code != _MIXED:
        kind, width = _element(code, path)
        return [_Block(name, kind, connectivity.reshape(len(numbers), width) - 1, numbers)]
    starts = _starts(section, connectivity, len(numbers), path)
    codes, blocks = connectivity[starts], []
    for code in np.unique(codes).tolist():
        kind, width = _element(code, path)
        nodes = connectivity[starts[codes == code][:, None] + 1 + np.arange(width)] - 1
        blocks.append(_Block(name, kind, nodes, numbers[codes == code]))
    return blocks


def _starts(section: h5py.Group, connectivity: np.ndarray, count: int, path: Path) -> np.ndarray:
    """Return where each of mixed elements begins: with its type, before its nodes."""
    if "ElementStartOffset" in section:  # since version 3.4 of the standard
        return _data(section, "ElementStartOffset").ravel()[:count].astype(np.int64)
    starts, at, codes = np.empty(count, dtype=np.int64), 0, connectivity.tolist()
    for number in range(count):
        starts[number] = at
        at += 1 + _element(codes[at], path)[1]
    return starts


def _element(code: int, path: Path) -> tuple[str, int]:
    if code not in _ELEMENTS:
        known = ", ".join(kind for kind, _ in _ELEMENTS.values())
        do = "Cut or linearize them."
        raise expected(f"elements out of {known} in {str(path)!r}", f"number {code} of the standard", do)
    return _ELEMENTS[code]
