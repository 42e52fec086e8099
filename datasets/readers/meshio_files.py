"""Files of simulation codes: VTU, VTK, Gmsh and what else meshio reads, as fields on meshes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import meshio
import meshio.gmsh
import meshio.vtk
import meshio.vtu
import numpy as np
import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.fields import check
from surrogate.datasets.meshes.ugrid import describe_many
from surrogate.datasets.readers.cutting import cut
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.mesh_counts import refuse_false_counts
from surrogate.datasets.readers.meshio_mesh import mesh_of, values_of
from surrogate.datasets.readers.recordings import layout

_PARSERS = {".vtu": meshio.vtu.read, ".vtk": meshio.vtk.read, ".msh": meshio.gmsh.read}
SUFFIXES = tuple(_PARSERS)


def read_mesh(path: Path, *, names: Mapping[str, str] | None = None) -> xr.Dataset:
    """Return the mesh and the fields of one file, as `read_meshes` does."""
    return read_meshes([path], names=names)


def read_meshes(paths: Sequence[Path], *, names: Mapping[str, str] | None = None) -> xr.Dataset:
    """Return the meshes and fields of several files, one sample each.

    Where all files hold the same mesh there is one for all samples, otherwise samples are joined along ``node`` and
    ``cell``. Fields of vectors become ``velocity_x``, ``velocity_y`` and so on. Named sets of points and of cells of
    the boundary become tags. A last coordinate that is zero everywhere is left out where the cells do not need it.
    Prisms and pyramids are cut into tetrahedra.

    Raises
    ------
    InputError
        A file that cannot be read, has kinds of cells we do not know, a wrong mesh, or not the fields of the first.
    """
    files = [cut(read_meshio(path)) for path in paths]
    samples = [
        (mesh_of(file, path), values_of(file, path, names or {})) for file, path in zip(files, paths, strict=True)
    ]
    first = samples[0][1]
    for path, (_, values) in zip(paths, samples, strict=True):
        if layout(values) != layout(first):
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
    return check(
        xr.Dataset(variables, coords=coords, attrs={"source": ", ".join(str(path) for path in paths)}), values=False
    )


def read_meshio(path: Path) -> meshio.Mesh:
    """Read a file by meshio, quietly.

    Raises
    ------
    InputError
        It cannot be read, or counts more points or cells than it has bytes.
    """
    try:
        refuse_false_counts(path)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return _PARSERS[path.suffix](str(path))  # meshio.read would print what is wrong, and exit
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # a damaged file makes its parsers raise anything
        raise unreadable("a readable mesh in", path, error) from error
