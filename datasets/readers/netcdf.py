"""Our own files, and any netCDF-4 file that follows the field convention."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from surrogate.datasets.errors import InputError
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.hdf5_claims import refuse_false_claims
from surrogate.datasets.storage.hdf5_variables import refuse_long_axes
from surrogate.datasets.storage.store import read_store


def read_netcdf(path: Path) -> xr.Dataset:
    """Open an HDF5 file in netCDF-4 layout, lazily.

    Raises
    ------
    InputError
        The file is not HDF5, damaged, takes numbers from other files, or claims axes too long to be read.
    """
    try:
        refuse_false_claims(path)
        refuse_long_axes(path)
        return read_store(path)
    except InputError:
        raise
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("a readable HDF5 file at", path, error) from error
