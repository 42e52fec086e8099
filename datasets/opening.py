"""Any file that we can read, as fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.fields import check
from surrogate.datasets.readers.arrays import DimsChoice
from surrogate.datasets.readers.axes import GridChoice
from surrogate.datasets.readers.mat import read_mat
from surrogate.datasets.readers.meshio_files import SUFFIXES as MESH_SUFFIXES
from surrogate.datasets.readers.meshio_files import read_meshes
from surrogate.datasets.readers.netcdf import read_netcdf
from surrogate.datasets.readers.pt import read_pt
from surrogate.datasets.readers.tables import READERS as TABLES
from surrogate.datasets.readers.tables import read_table
from surrogate.datasets.store import SUFFIXES

ARRAY_READERS = {".mat": read_mat, ".pt": read_pt, ".pth": read_pt}
KNOWN = (*SUFFIXES, *ARRAY_READERS, *TABLES, *MESH_SUFFIXES)


def open_dataset(
    path: str | Path,
    *,
    names: Mapping[str, str] | None = None,
    grid: GridChoice | None = None,
    times: Sequence[float] | None = None,
    dims: DimsChoice | None = None,
) -> xr.Dataset:
    """Open a file as fields: ours and netCDF-4, arrays in ``.mat``, tensors in ``.pt``, tables of series, meshes.

    The suffixes are ``.h5``, ``.hdf5``, ``.nc``; ``.mat``; ``.pt``, ``.pth``; ``.csv``, ``.parquet``; and those of
    meshes that meshio reads.

    Parameters
    ----------
    path
        The file; its suffix tells the format. A pattern such as ``"runs/*.vtu"`` opens meshes, one sample each, in the
        order of their names.
    names
        New names for variables, as a mapping from the name in the file.
    grid
        For ``.mat`` and ``.pt``, where the points are: a `Grid`, or its arguments other than the shape, such as
        ``{"periodic": True}``; default: closed axes through the points in the file, else nodes of the unit box. A
        periodic axis loses a last point that repeats the first.
    times
        For ``.mat`` and ``.pt`` without times in them: the first and the last of the frames, or all; default: 1, 2, ...
    dims
        For ``.mat`` and ``.pt``, the axes of arrays whose shapes leave a choice, such as
        ``{"y": ("sample", "time", "x")}``.

    Returns
    -------
    xarray.Dataset
        Fields that passed `surrogate.datasets.fields.check`.

    Raises
    ------
    InputError
        The file is missing, empty, damaged, of an unknown format, or breaks the convention.
    """
    if any(sign in str(path) for sign in "*?["):
        return _open_pattern(Path(path), names or {})
    path = Path(path)
    if not path.is_file():
        raise expected("an existing file", f"{str(path)!r}", "Check the path.")
    if path.stat().st_size == 0:
        raise expected(f"data in {str(path)!r}", "an empty file", "Make or copy it again.")
    if path.suffix not in KNOWN:
        known = ", ".join(KNOWN)
        do = "Convert it, or rename it if the suffix is wrong."
        raise expected(f"a file that ends in {known}", f"{str(path)!r}", do)
    try:
        return check(_read(path, names or {}, {"grid": grid, "times": times, "dims": dims}))
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{error} (In {str(path)!r}.)") from error
    except OSError as error:  # HDF5 finds damaged chunks only when they are read
        raise expected(f"readable data in {str(path)!r}", error, "Make or copy it again.") from error


def _open_pattern(pattern: Path, names: Mapping[str, str]) -> xr.Dataset:
    paths = sorted(Path(pattern.anchor or ".").glob(str(pattern.relative_to(pattern.anchor))))
    if not paths:
        raise expected(f"files that match {str(pattern)!r}", "none", "Check the path.")
    others = [path for path in paths if path.suffix not in MESH_SUFFIXES]
    if others:
        do = "Open other files one by one and join them (xarray.concat)."
        raise expected(f"meshes ({', '.join(MESH_SUFFIXES)}) that match {str(pattern)!r}", f"{str(others[0])!r}", do)
    return check(read_meshes(paths, names))


def _read(path: Path, names: Mapping[str, str], layout: Mapping[str, Any]) -> xr.Dataset:
    if path.suffix in ARRAY_READERS:
        return ARRAY_READERS[path.suffix](path, names=names, **layout)
    needless = [name for name, choice in layout.items() if choice is not None]
    if needless:
        raise expected(f"no {needless[0]} for {str(path)!r}, which has its own", "one", "Leave it out.")
    if path.suffix in MESH_SUFFIXES:
        return read_meshes([path], names)
    if path.suffix in TABLES:
        return read_table(path, names=names)
    fields = read_netcdf(path)
    renamed = {names.get(str(name), str(name)) for name in fields.variables}
    if not names.keys() <= set(fields.variables) or len(renamed) < len(fields.variables):
        raise expected(f"different new names for some of {list(fields.variables)}", dict(names), "Correct `names`.")
    return fields.rename(names)
