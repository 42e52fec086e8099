"""Any file that we can read, as fields."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.fields import check
from surrogate.datasets.readers.arrays import GridChoice
from surrogate.datasets.readers.mat import read_mat
from surrogate.datasets.readers.netcdf import read_netcdf
from surrogate.datasets.readers.pt import read_pt
from surrogate.datasets.readers.tables import READERS as TABLES
from surrogate.datasets.readers.tables import read_table
from surrogate.datasets.store import SUFFIXES

ARRAY_READERS = {".mat": read_mat, ".pt": read_pt, ".pth": read_pt}


def open_dataset(
    path: str | Path, *, names: Mapping[str, str] | None = None, grid: GridChoice | None = None
) -> xr.Dataset:
    """Open a file as fields: ours and netCDF-4, FNO-style ``.mat``, tensors in ``.pt``, tables of series.

    The suffixes are ``.h5``, ``.hdf5``, ``.nc``; ``.mat``; ``.pt``, ``.pth``; ``.csv``, ``.parquet``.

    Parameters
    ----------
    path
        The file; its suffix tells the format.
    names
        New names for variables, as a mapping from the name in the file.
    grid
        For formats without coordinates, where the points are: a `Grid`, or its arguments other than the shape, such as
        ``{"location": "cell"}``; default: nodes of the unit box.

    Returns
    -------
    xarray.Dataset
        Fields that passed `surrogate.datasets.fields.check`.

    Raises
    ------
    InputError
        The file is missing, empty, damaged, of an unknown format, or breaks the convention.
    """
    path = Path(path)
    if not path.is_file():
        raise expected("an existing file", f"{str(path)!r}", "Check the path.")
    if path.stat().st_size == 0:
        raise expected(f"data in {str(path)!r}", "an empty file", "Make or copy it again.")
    if path.suffix not in (*SUFFIXES, *ARRAY_READERS, *TABLES):
        known = ", ".join([*SUFFIXES, *ARRAY_READERS, *TABLES])
        do = "Convert it, or rename it if the suffix is wrong."
        raise expected(f"a file that ends in {known}", f"{str(path)!r}", do)
    try:
        return check(_read(path, names or {}, grid))
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{error} (In {str(path)!r}.)") from error
    except OSError as error:  # HDF5 finds damaged chunks only when they are read
        raise expected(f"readable data in {str(path)!r}", error, "Make or copy it again.") from error


def _read(path: Path, names: Mapping[str, str], grid: GridChoice | None) -> xr.Dataset:
    if path.suffix in ARRAY_READERS:
        return ARRAY_READERS[path.suffix](path, names=names, grid=grid)
    if grid is not None:
        raise expected(f"no grid for {str(path)!r}, which has its own", "a grid", "Leave it out.")
    if path.suffix in TABLES:
        return read_table(path, names=names)
    fields = read_netcdf(path)
    renamed = {names.get(str(name), str(name)) for name in fields.variables}
    if not names.keys() <= set(fields.variables) or len(renamed) < len(fields.variables):
        raise expected(f"different new names for some of {list(fields.variables)}", dict(names), "Correct `names`.")
    return fields.rename(names)
