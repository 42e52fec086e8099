"""Cases of OpenFOAM, through PyVista."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import meshio
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.readers.recordings import Recording, recordings_to_fields
from surrogate.datasets.readers.vtk_process import ask, bytes_in

SUFFIXES = (".foam", ".OpenFOAM")


def is_openfoam(path: Path) -> bool:
    """Return whether a path is the folder of a case, or a file in it that stands for it."""
    folder = path if path.is_dir() else path.parent
    named = path.is_dir() or path.suffix in SUFFIXES
    return named and (folder / "system" / "controlDict").is_file()


def read_openfoam(path: Path) -> xr.Dataset:
    """Return the mesh of a case and the fields of its cells (and points) at all times; patches become tags of points.

    Fields that some of the times do not have are left out, such as those that are missing in the folder ``0``. Prisms,
    pyramids and polyhedra are cut into tetrahedra.

    Raises
    ------
    InputError
        PyVista is not installed; the case cannot be read, has no results, or lies in parts (``processor0``).
    """
    folder = path if path.is_dir() else path.parent
    if not (folder / "constant" / "polyMesh").is_dir() and (folder / "processor0").is_dir():
        raise expected(f"a whole case in {str(folder)!r}", "parts of several processors", "Run reconstructPar.")
    times = _times(folder)
    if not times:
        raise expected(f"results in {str(folder)!r}", "no folders of times with fields", "Run the solver.")
    names = set.intersection(*(_fields(found) for found in times.values()))
    size = bytes_in(folder)
    chosen = sorted(times.keys() & set(ask("openfoam_times", folder, size=size)))
    read = partial(_frame, folder, chosen, sorted(names), size)
    return check(recordings_to_fields([Recording(folder, chosen, read)]), values=False)


def _times(folder: Path) -> dict[float, Path]:
    """Return the folders of times that hold fields."""
    found = {}
    for entry in folder.iterdir():
        try:
            time = float(entry.name)
        except ValueError:
            continue
        if entry.is_dir() and _fields(entry):
            found[time] = entry
    return found


def _fields(folder: Path) -> set[str]:
    return {entry.name.removesuffix(".gz") for entry in folder.iterdir() if entry.is_file()}


def _frame(folder: Path, times: list[float], names: list[str], size: int, number: int) -> meshio.Mesh:
    mesh: meshio.Mesh = ask("openfoam_frame", folder, times[number], names, size=size)
    return mesh
