"""Cases of EnSight, through PyVista."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import meshio
import xarray as xr

from surrogate.datasets.fields import check
from surrogate.datasets.readers.companions import refuse_outside
from surrogate.datasets.readers.recordings import Recording, recordings_to_fields
from surrogate.datasets.readers.vtk_process import ask, bytes_in


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
    size = bytes_in(path.parent)
    times = ask("ensight_times", path, size=size)
    fields = recordings_to_fields([Recording(path, times or [0.0], partial(_frame, path, times, size))])
    return check(fields if times else fields.isel(time=0, drop=True), values=False)


def _frame(path: Path, times: list[float], size: int, number: int) -> meshio.Mesh:
    mesh: meshio.Mesh = ask("ensight_frame", path, times[number] if times else None, size=size)
    return mesh


def _refuse_outsiders(path: Path) -> None:
    """Look at the last word of each line that names a file."""
    for line in path.read_text(errors="replace").splitlines():
        head, _, rest = line.partition(":")
        words = rest.split()
        if words and any(word in head for word in ("model", "per node", "per element", "measured", "match")):
            refuse_outside(path, words[-1].strip('"'))
