"""Cases of EnSight, through PyVista."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.readers.companions import refuse_outside
from surrogate.datasets.readers.recordings import Recording, recordings_to_fields
from surrogate.datasets.readers.vtk_grids import joined, pyvista_for, vtk_errors


def read_ensight(path: Path) -> xr.Dataset:
    """Return the parts of a case as one mesh, and its fields at all times; the mesh may move.

    Parts of lower dimension than the others become tags of the points that they share with these. Prisms,
    pyramids and polyhedra are cut into tetrahedra.

    Raises
    ------
    InputError
        PyVista is not installed; the case cannot be read, names files outside of its folder, or has no mesh.
    """
    _refuse_outsiders(path)
    with vtk_errors(path):
        times = [float(time) for time in _reader(path).time_values]
    fields = recordings_to_fields([Recording(path, times or [0.0], partial(_frame, path, times))])
    return check(fields if times else fields.isel(time=0, drop=True), values=False)


def _reader(path: Path) -> Any:
    return pyvista_for(path).EnSightReader(str(path))


def _frame(path: Path, times: list[float], number: int) -> meshio.Mesh:
    with vtk_errors(path):
        reader = _reader(path)
        if times:
            reader.set_active_time_value(times[number])
        blocks = reader.read()
    parts = {str(k): part for k, part in zip(blocks.keys(), blocks, strict=True) if part is not None and part.n_cells}
    if not parts:
        raise expected(f"a mesh in {str(path)!r}", "no parts with cells", "Export the mesh as well.")
    dims = {name: _dimension(part) for name, part in parts.items()}
    inner = [part for name, part in parts.items() if dims[name] == max(dims.values())]
    tags = {name: part.points for name, part in parts.items() if dims[name] < max(dims.values())}
    return joined(inner, tags, path)


def _dimension(grid: Any) -> int:
    return int(max(grid.get_cell(int(first)).dimension for first in _first_of_each_kind(grid)))


def _first_of_each_kind(grid: Any) -> np.ndarray:
    return np.unique(grid.cast_to_unstructured_grid().celltypes, return_index=True)[1]


def _refuse_outsiders(path: Path) -> None:
    """Look at the last word of each line that names a file."""
    for line in path.read_text(errors="replace").splitlines():
        head, _, rest = line.partition(":")
        words = rest.split()
        if words and any(word in head for word in ("model", "per node", "per element", "measured", "match")):
            refuse_outside(path, words[-1].strip('"'))
