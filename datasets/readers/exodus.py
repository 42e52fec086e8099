"""Exodus II files of Sandia's codes, MOOSE and Cubit: netCDF of version 3 or 4."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import h5py
import meshio
import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.readers.classic_header import refuse_false_header
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.hdf5_claims import refuse_false_claims
from surrogate.datasets.readers.meshio_mesh import MESHIO_KINDS
from surrogate.datasets.readers.recordings import Recording, recordings_to_fields

SUFFIXES = (".e", ".exo", ".ex2", ".exii")

#: How names of elements begin, and what their number of nodes makes of them.
_ELEMENTS = {
    ("TRI", 3): "triangle",
    ("QUA", 4): "quad",
    ("SHE", 3): "triangle",
    ("SHE", 4): "quad",
    ("TET", 4): "tetra",
    ("HEX", 8): "hexahedron",
    ("BAR", 2): "line",
    ("BEA", 2): "line",
    ("TRU", 2): "line",
    ("EDG", 2): "line",
}
#: Sides of elements in the order of their numbers, by places in the list of nodes.
_SIDES = {
    "line": [[0], [1]],
    "triangle": [[0, 1], [1, 2], [2, 0]],
    "quad": [[0, 1], [1, 2], [2, 3], [3, 0]],
    "tetra": [[0, 1, 3], [1, 2, 3], [0, 3, 2], [0, 2, 1]],
    "hexahedron": [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [0, 4, 7, 3], [0, 3, 2, 1], [4, 5, 6, 7]],
}
#: Kinds of sides by their number of nodes.
_FACETS = {2: "line", 3: "triangle", 4: "quad"}


class _Geometry(NamedTuple):
    points: np.ndarray
    cells: list[tuple[str, np.ndarray]]
    nodes: dict[str, np.ndarray]
    sides: dict[str, dict[str, np.ndarray]]


def read_exodus(path: Path) -> xr.Dataset:
    """Return the mesh and the fields at all times, read when they are asked for.

    Fields are named as in the file (``vel_x``, ``disp_x``); sets of nodes and of sides become tags; global variables
    lie over time only.

    Raises
    ------
    InputError
        The file is damaged, or has elements that we do not know or values in some of its blocks only.
    """
    return read_many_exodus([path])


def read_many_exodus(paths: Sequence[Path]) -> xr.Dataset:
    """Return several files, one sample each; see `read_exodus`."""
    files = [_Exodus(path) for path in paths]
    timed = [len(file.times) > 0 for file in files]
    times = [file.times if has else np.zeros(1) for file, has in zip(files, timed, strict=True)]
    runs = [Recording(f.path, t, partial(_frame, f), rigid=True) for f, t in zip(files, times, strict=True)]
    fields = recordings_to_fields(runs)
    totals = [file.totals() for file in files]
    for name in totals[0]:
        values = np.stack([total[name] for total in totals])
        fields[name] = (("sample", "time"), values, {"units": "1", "long_name": name})
    return check(fields if all(timed) else fields.isel(time=0, drop=True), values=False)


def _frame(file: _Exodus, number: int) -> meshio.Mesh:
    return file.frame(number)


class _Exodus:
    """A file, opened for each reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if h5py.is_hdf5(path):
            refuse_false_claims(path, whole=True)
        else:
            refuse_false_header(path)
        with self._opened() as data:
            self.times = np.array(data["time_whole"].values if "time_whole" in data else [], dtype=np.float64)

    @cached_property
    def geometry(self) -> _Geometry:
        with self._opened() as data:
            cells = [(self._kind(block), block.values.astype(np.int64) - 1) for block in _numbered(data, "connect")]
            if not cells:
                raise expected(f"a mesh with cells in {str(self.path)!r}", "none", "Export the cells as well.")
            numbers = [part.values.astype(np.int64) - 1 for part in _numbered(data, "node_ns")]
            names = _set_names(data, "ns_names", "node_set", len(numbers))
            return _Geometry(_points(data), cells, dict(zip(names, numbers, strict=True)), _sides(data, cells))

    def frame(self, number: int) -> meshio.Mesh:
        """Return the mesh, with the values of a frame."""
        points, cells, node_sets, side_sets = self.geometry
        facets = [(name, kind, nodes) for name, by_kind in side_sets.items() for kind, nodes in by_kind.items()]
        blocks = [*cells, *((kind, nodes) for _, kind, nodes in facets)]
        empty = np.empty(0, dtype=np.int64)
        sets = {
            name: [empty for _ in cells] + [np.arange(len(n)) if owner == name else empty for owner, _, n in facets]
            for name in side_sets
        }
        with self._opened() as data:
            nodes = _nodal(data, number)
            inner = _elemental(data, number, len(cells), self.path)
        beyond = [np.zeros(len(nodes)) for _, _, nodes in facets]
        inner = {name: [*parts, *beyond] for name, parts in inner.items()}
        return meshio.Mesh(points, blocks, nodes, inner, point_sets=node_sets, cell_sets=sets)

    def totals(self) -> dict[str, np.ndarray]:
        """Return the global variables over time."""
        with self._opened() as data:
            values = data["vals_glo_var"].values if "vals_glo_var" in data else np.empty((0, 0))
            return dict(zip(_names(data, "name_glo_var"), values.T.astype(np.float64), strict=True))

    def _opened(self) -> xr.Dataset:
        try:
            with self.path.open("rb") as file:
                engine = "scipy" if file.read(3) == b"CDF" else "h5netcdf"
            return xr.open_dataset(self.path, engine=engine, decode_cf=False, cache=False)
        except Exception as error:  # a damaged file makes its parser raise anything
            raise unreadable("a readable Exodus file at", self.path, error) from error

    def _kind(self, block: xr.DataArray) -> str:
        name, width = str(block.attrs.get("elem_type")), block.shape[1]
        kind = _ELEMENTS.get((name.upper()[:3], width))
        if kind is None:
            known = ", ".join(MESHIO_KINDS)
            got = f"{name} with {width} nodes"
            raise expected(f"cells out of {known} in {str(self.path)!r}", got, "Cut or linearize them.")
        return kind


def _numbered(data: xr.Dataset, prefix: str) -> list[xr.DataArray]:
    """Return the variables of this name with a number behind it, in the order of the numbers."""
    numbers = (str(name).removeprefix(prefix) for name in data.variables if str(name).startswith(prefix))
    return [data[f"{prefix}{number}"] for number in sorted(int(text) for text in numbers if text.isdigit())]


def _points(data: xr.Dataset) -> np.ndarray:
    if "coord" in data:
        return np.asarray(data["coord"].values.T, dtype=np.float64)
    return np.column_stack([data[f"coord{axis}"].values for axis in "xyz" if f"coord{axis}" in data]).astype(float)


def _names(data: xr.Dataset, variable: str) -> list[str]:
    """Return the rows of a table of characters, as far as their first zero."""
    if variable not in data:
        return []
    rows = np.ascontiguousarray(data[variable].values.astype("S1"))
    return [row.tobytes().split(b"\0")[0].decode("ascii").strip() for row in rows]


def _set_names(data: xr.Dataset, variable: str, kind: str, count: int) -> list[str]:
    names = _names(data, variable) or [""] * count
    return [name or f"{kind}_{number + 1}" for number, name in enumerate(names)]


def _sides(data: xr.Dataset, cells: Sequence[tuple[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """Return the facets of each set of sides, by kind."""
    numbers = [
        (e.values - 1, s.values - 1) for e, s in zip(*(_numbered(data, p) for p in ("elem_ss", "side_ss")), strict=True)
    ]
    starts = np.cumsum([0, *(len(nodes) for _, nodes in cells)])
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for name, (elements, sides) in zip(_set_names(data, "ss_names", "side_set", len(numbers)), numbers, strict=True):
        parts = found.setdefault(name, {})
        for (kind, nodes), start in zip(cells, starts, strict=False):
            for side, places in enumerate(_SIDES[kind]):
                rows = elements[(sides == side) & (elements >= start) & (elements < start + len(nodes))] - start
                if len(rows) and len(places) > 1:
                    parts.setdefault(_FACETS[len(places)], []).append(nodes[rows][:, places])
    return {name: {kind: np.concatenate(rows) for kind, rows in parts.items()} for name, parts in found.items()}


def _nodal(data: xr.Dataset, frame: int) -> dict[str, np.ndarray]:
    names = _names(data, "name_nod_var")
    if "vals_nod_var" in data:  # files of before 2005
        return dict(zip(names, data["vals_nod_var"].isel(time_step=frame).values, strict=True))
    values = _numbered(data, "vals_nod_var")
    return {name: variable.isel(time_step=frame).values for name, variable in zip(names, values, strict=True)}


def _elemental(data: xr.Dataset, frame: int, blocks: int, path: Path) -> dict[str, list[np.ndarray]]:
    found = {}
    for number, name in enumerate(_names(data, "name_elem_var"), 1):
        parts = [f"vals_elem_var{number}eb{block}" for block in range(1, blocks + 1)]
        missing = [part for part in parts if part not in data]
        if missing:
            do = "Write it for all blocks, or the blocks to files of their own."
            raise expected(f"values of {name!r} in all blocks of {str(path)!r}", f"none at {missing[0]!r}", do)
        found[name] = [data[part].isel(time_step=frame).values for part in parts]
    return found
