"""Cases of OpenFOAM, through PyVista."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import meshio
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.readers.recordings import Recording, recordings_to_fields
from surrogate.datasets.readers.vtk_grids import joined, pyvista_for, vtk_errors

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
    with vtk_errors(folder):
        reader = _reader(folder)
        known = {float(time) for time in reader.time_values}
    chosen = sorted(time for time in times if time in known)
    read = partial(_frame, folder, chosen, frozenset(names))
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


def _reader(folder: Path) -> Any:
    reader = pyvista_for(folder).OpenFOAMReader(str(folder / "system" / "controlDict"))
    reader.skip_zero_time = False
    reader.cell_to_point_creation = False
    reader.enable_all_patch_arrays()
    return reader


def _frame(folder: Path, times: list[float], names: frozenset[str], number: int) -> meshio.Mesh:
    with vtk_errors(folder):
        reader = _reader(folder)
        reader.set_active_time_value(times[number])
        blocks = reader.read()
        inner, patches = blocks["internalMesh"], blocks["boundary"]
        tags = {str(k): patch.points for k, patch in zip(patches.keys(), patches, strict=True) if patch is not None}
    return _with(joined([inner], tags, folder), names)


def _with(file: meshio.Mesh, names: frozenset[str]) -> meshio.Mesh:
    """Keep fields of these names."""

    def kept(data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values for name, values in data.items() if name in names}

    return meshio.Mesh(file.points, file.cells, kept(file.point_data), kept(file.cell_data), point_sets=file.point_sets)
