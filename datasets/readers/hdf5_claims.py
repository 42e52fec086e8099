"""What an HDF5 file says of itself, compared with itself before anything is read."""

from __future__ import annotations

import math
from pathlib import Path

import h5py

from surrogate.datasets.errors import expected
from surrogate.datasets.readers.hdf5 import opened, require_written
from surrogate.datasets.readers.hdf5_headers import elsewhere

#: Bytes of a dataset up to which it may be read at once without having been written.
SMALL = 2**26


def refuse_false_claims(path: Path, *, whole: bool = False) -> None:
    """Raise `InputError` where a netCDF-4 file takes numbers from others, or claims other sizes than it has.

    Parameters
    ----------
    path
        The file.
    whole
        Whether all of it is to be read at once: then all that is large has to have been written.

    Raises
    ------
    InputError
        So, or its own attributes cannot be read: h5netcdf would report that a second time when its object is deleted.
    """
    with opened(path) as file:
        refuse_references(file)
        dict(file.attrs)
        refuse_wrong_sizes(file)
        if whole:
            refuse_unwritten(file)


def refuse_references(file: h5py.File) -> None:
    """Raise `InputError` where a dataset takes numbers from other files, which may be any on this machine."""
    for name, found in _datasets(file).items():
        if found.is_virtual or found.external:
            raise elsewhere(name, file.filename)


def refuse_wrong_sizes(file: h5py.File) -> None:
    """Raise `InputError` where the variable of a netCDF-4 file is longer than its dimensions."""
    for name, found in _datasets(file).items():
        shape = found.shape or ()
        if any(size > most for size, most in zip(shape, _lengths(file, found), strict=True)):
            where = f"{name!r} of {file.filename!r} of the lengths of its dimensions"
            raise expected(where, f"shape {shape}", "Make or copy it again.")


def _datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    names: list[str] = []
    file.visit(names.append)  # what is raised in there, HDF5 garbles
    found = {name: file[name] for name in names}
    return {name: thing for name, thing in found.items() if isinstance(thing, h5py.Dataset)}


def _lengths(file: h5py.File, dataset: h5py.Dataset) -> list[int | float]:
    """Return how long a variable may be along each axis: as its scale, unless that grows or there is none."""
    lists = dataset.attrs.get("DIMENSION_LIST")  # h5py's own `dims` crash where this is damaged
    if lists is None:
        return [math.inf] * len(dataset.shape or ())
    return [_length(file[entry[0]]) if len(entry) else math.inf for entry in lists]


def _length(scale: object) -> float:
    if not isinstance(scale, h5py.Dataset) or scale.ndim != 1 or scale.maxshape[0] is None:
        return math.inf
    return float(scale.size)


def refuse_unwritten(file: h5py.File) -> None:
    """Raise `InputError` where more is claimed than the file can hold, of what is to be read at once."""
    for found in _datasets(file).values():
        if found.size and found.size * found.dtype.itemsize > SMALL:
            require_written(found)
