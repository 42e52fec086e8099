"""Our own files, and any netCDF-4 file that follows the field convention."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.store import read_store


def read_netcdf(path: Path) -> xr.Dataset:
    """Open an HDF5 file in netCDF-4 layout, lazily.

    Raises
    ------
    InputError
        The file is not HDF5, or damaged.
    """
    try:
        return read_store(path)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise expected(f"a readable HDF5 file at {str(path)!r}", _first_line(error), "Make or copy it again.") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
