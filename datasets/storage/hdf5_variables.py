"""Variables of HDF5 files that are filled a block at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5netcdf
import h5py
import xarray as xr
from xarray.backends import H5NetCDFStore

from surrogate.datasets.errors import expected
from surrogate.datasets.storage.blocks import read_blocks
from surrogate.datasets.storage.patient_file import patient_file

#: Bytes up to which a file may claim that an axis has coordinates: xarray reads them when it opens the file.
LARGEST_AXIS = 2**26


def add_room(part: Path, variables: Mapping[str, xr.Variable], attributes: Mapping[str, str] | None = None) -> None:
    """Add variables to a netCDF-4 file, each in one piece and without values; only shape, type and attributes count.

    ``attributes`` are those of the file.
    """
    room = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    room.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    room.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    with patient_file(part, "r+") as whole, h5netcdf.File(whole, "a") as file:
        file.attrs.update(attributes or {})
        for name, variable in variables.items():
            for dim, size in variable.sizes.items():
                if dim not in file.dimensions:
                    file.dimensions[dim] = size
            created = file.create_variable(name, variable.dims, variable.dtype, dcpl=room)
            created.attrs.update(variable.attrs)


def write_variables(part: Path, fields: xr.Dataset) -> None:
    """Write a netCDF-4 file."""
    with patient_file(part, "w+") as whole, h5netcdf.File(whole, "w") as file:
        fields.dump_to_store(H5NetCDFStore(file))


def fill(part: Path, variables: Mapping[str, xr.Variable]) -> None:
    """Copy the values of variables into the room that `add_room` has set aside."""
    with h5py.File(part, "r+") as file:
        for name, variable in variables.items():
            for box, values in read_blocks(variable):
                file[name][box] = values


def refuse_long_axes(path: Path) -> None:
    """Raise `InputError` where the coordinates of an axis are too large to be true."""
    with h5py.File(path, "r") as file:
        for name, found in file.items():
            if not isinstance(found, h5py.Dataset) or found.ndim != 1 or not _is_axis(found):
                continue
            size = max(found.size, *(found.chunks or (0,))) * found.dtype.itemsize
            if size > LARGEST_AXIS:
                limit = f"at most {LARGEST_AXIS // 2**20} MiB of coordinates on axis {name!r} in {str(path)!r}"
                raise expected(limit, f"{size / 2**20:.0f} MiB", "Correct the file.")


def _is_axis(found: h5py.Dataset) -> bool:
    """Return whether a dataset is the coordinate of a dimension, and not only its length."""
    label = str(found.attrs.get("NAME"))
    return found.attrs.get("CLASS") == b"DIMENSION_SCALE" and "This is a netCDF dimension but not" not in label
