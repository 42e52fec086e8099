"""Our own files, and any netCDF-4 file that follows the field convention."""

from __future__ import annotations

from pathlib import Path

import h5py
import xarray as xr

from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.store import read_store


def read_netcdf(path: Path) -> xr.Dataset:
    """Open an HDF5 file in netCDF-4 layout, lazily.

    Raises
    ------
    InputError
        The file is not HDF5, or damaged.
    """
    try:
        h5py.File(path).close()  # what is no HDF5 at all, h5netcdf reports a second time when its object is deleted
        return read_store(path)
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("a readable HDF5 file at", path, error) from error
