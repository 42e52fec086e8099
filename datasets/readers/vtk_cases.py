"""Cases of OpenFOAM and EnSight as PyVista reads them. Called in a process of its own: VTK may crash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pyvista

from surrogate.datasets.errors import expected
from surrogate.datasets.readers.vtk_grids import joined


def openfoam_times(folder: Path) -> list[float]:
    """Return the times of a case."""
    return [float(time) for time in _openfoam(folder).time_values]


def openfoam_frame(folder: Path, time: float, names: list[str]) -> meshio.Mesh:
    """Return the mesh and the fields of these names at a time; patches become tags of points."""
    reader = _openfoam(folder)
    reader.set_active_time_value(time)
    blocks = reader.read()
    inner, patches = blocks["internalMesh"], blocks["boundary"]
    tags = {str(k): patch.points for k, patch in zip(patches.keys(), patches, strict=True) if patch is not None}
    file = joined([inner], tags, folder)

    def kept(data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values for name, values in data.items() if name in names}

    return meshio.Mesh(file.points, file.cells, kept(file.point_data), kept(file.cell_data), point_sets=file.point_sets)


def ensight_times(path: Path) -> list[float]:
    """Return the times of a case, which may have none."""
    return [float(time) for time in pyvista.EnSightReader(str(path)).time_values]


def ensight_frame(path: Path, time: float | None) -> meshio.Mesh:
    """Return the parts as one mesh, and its fields at a time; parts of lower dimension become tags of points."""
    reader = pyvista.EnSightReader(str(path))
    if time is not None:
        reader.set_active_time_value(time)
    blocks = reader.read()
    parts = {str(k): part for k, part in zip(blocks.keys(), blocks, strict=True) if part is not None and part.n_cells}
    if not parts:
        raise expected(f"a mesh in {str(path)!r}", "no parts with cells", "Export the mesh as well.")
    dims = {name: _dimension(part) for name, part in parts.items()}
    inner = [part for name, part in parts.items() if dims[name] == max(dims.values())]
    tags = {name: part.points for name, part in parts.items() if dims[name] < max(dims.values())}
    return joined(inner, tags, path)


def _openfoam(folder: Path) -> Any:
    reader = pyvista.OpenFOAMReader(str(folder / "system" / "controlDict"))
    reader.skip_zero_time = False
    reader.cell_to_point_creation = False
    reader.enable_all_patch_arrays()
    return reader


def _dimension(grid: Any) -> int:
    first_of_each_kind = np.unique(grid.cast_to_unstructured_grid().celltypes, return_index=True)[1]
    return int(max(grid.get_cell(int(first)).dimension for first in first_of_each_kind))
