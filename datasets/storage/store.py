"""One HDF5 file for all samples, which plain xarray can read; written whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import h5netcdf
import xarray as xr
from xarray.backends import H5NetCDFStore

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import CONVENTIONS, Fields, check
from surrogate.datasets.storage.hdf5_variables import add_room, fill, write_variables
from surrogate.datasets.storage.stored import is_lazy
from surrogate.datasets.storage.stored_piece import file_state
from surrogate.datasets.storage.watched import checked_when_read
from surrogate.datasets.storage.whole_files import refuse_existing, whole_file

SUFFIXES = (".h5", ".hdf5", ".nc")


def write_store(fields: Fields, path: str | Path, *, overwrite: bool = False) -> None:
    """Check ``fields`` and write them to one HDF5 file (netCDF-4 layout).

    ``xarray.open_dataset(path, engine="h5netcdf")`` reads it without this package. What is not in memory is copied from
    its file a few MiB at a time, and looked at on the way.

    Raises
    ------
    InputError
        The fields break the convention, the suffix is none of .h5, .hdf5, .nc, or the path exists.
    OSError
        The file cannot be written. Nothing is left behind.
    """
    check_suffix(path)
    refuse_existing(path, overwrite)
    dataset = _storable(checked_when_read(fields))
    copied, attributes = _copied(dataset)
    with whole_file(path, overwrite=overwrite, size=dataset.nbytes) as part:
        write_variables(part, dataset.drop_vars(list(copied)))
        add_room(part, copied, attributes)
        fill(part, copied)


def file_bytes(fields: Fields) -> memoryview:
    """Check ``fields`` and return what a file of them holds, where memory has room for it.

    To write bytes can fail in no other way than that the system says so; the HDF5 library does not survive a disk that
    fills up while it writes. The same fields give the same bytes: room that is given up is not taken again, since when
    it is given up depends on who else looks at the objects of h5py, such as the profiler of Dask.
    """
    contents = io.BytesIO()
    with h5netcdf.File(contents, "w", fs_strategy="none") as file:
        _storable(check(fields)).dump_to_store(H5NetCDFStore(file))
    return contents.getbuffer()


def check_suffix(path: str | Path) -> None:
    """Raise `InputError` unless ``path`` ends as a one-file store does."""
    if Path(path).suffix not in SUFFIXES:
        raise expected(f"a path that ends in {', '.join(SUFFIXES)}", f"{str(path)!r}", "Add the suffix.")


def read_store(path: Path) -> xr.Dataset:
    """Open a file of ours, or any netCDF-4 file, lazily. Times stay numbers in the units they name."""
    state = file_state(path)
    fields = xr.open_dataset(path, engine="h5netcdf", decode_times=False, decode_timedelta=False)
    for variable in fields.variables.values():
        variable.encoding["source_state"] = state
    return fields


def _storable(fields: xr.Dataset) -> xr.Dataset:
    """Return fields as they are written."""
    dataset = fields.assign_attrs(Conventions=CONVENTIONS)
    for variable in dataset.data_vars.values():
        variable.encoding.setdefault("_FillValue", None)  # all values are finite: no reader has to look for gaps
    return dataset


def _copied(fields: xr.Dataset) -> tuple[dict[str, xr.Variable], dict[str, str]]:
    """Return the variables that are not in memory, and the attribute of a file that names the coordinates of no field.

    The variables have the attributes that they have in a file.
    """
    encoded, attributes = xr.conventions.encode_dataset_coordinates(fields)
    lazy = {str(name): variable for name, variable in encoded.items() if is_lazy(variable)}
    numbers = {name: variable for name, variable in lazy.items() if variable.dtype.kind in "fiu"}
    return numbers, {name: attributes[name] for name in ("coordinates",) if name in attributes}
