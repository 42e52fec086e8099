"""Fields to files of any format that we write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields
from surrogate.datasets.storage.store import SUFFIXES, write_store
from surrogate.datasets.writers.pvd import write_pvd
from surrogate.datasets.writers.the_well import SUFFIXES as WELL_SUFFIXES
from surrogate.datasets.writers.the_well import write_the_well
from surrogate.datasets.writers.xdmf import write_xdmf
from surrogate.datasets.writers.zarr import write_zarr


class _Writer(NamedTuple):
    write: Callable[..., None]
    suffixes: tuple[str, ...]


#: By the name of the format; where several have a suffix in common the first is meant by it.
WRITERS = {
    "netcdf": _Writer(write_store, SUFFIXES),
    "zarr": _Writer(write_zarr, (".zarr",)),
    "xdmf": _Writer(write_xdmf, (".xdmf",)),
    "pvd": _Writer(write_pvd, (".pvd",)),
    "the_well": _Writer(write_the_well, WELL_SUFFIXES),
}


def save_dataset(fields: Fields, path: str | Path, *, format: str | None = None, overwrite: bool = False) -> None:
    """Check ``fields`` and write them, whole or not at all.

    The suffix says how: ``.h5``, ``.hdf5``, ``.nc`` one HDF5 file in netCDF-4 layout, which
    ``xarray.open_dataset(path, engine="h5netcdf")`` reads without this package; ``.zarr`` a Zarr store; ``.xdmf`` and
    ``.pvd`` what ParaView reads, with the numbers beside it. With ``format="the_well"`` a file of The Well.

    Parameters
    ----------
    fields
        What to write.
    path
        The file, or the folder that a store will be.
    format
        The name of the format, where the suffix does not say it.
    overwrite
        Replace what is there.

    Raises
    ------
    InputError
        The fields break the convention, or are such that the format has no place for them; another suffix; the path
        exists and ``overwrite`` is false.
    OSError
        The file cannot be written. Nothing is left behind.
    """
    writer_of(path, format).write(fields, path, overwrite=overwrite)


def writer_of(path: str | Path, format: str | None = None) -> _Writer:
    """Return what writes to a path.

    Raises
    ------
    InputError
        There is no such format, or none has the suffix.
    """
    if format is not None and format not in WRITERS:
        raise expected(f"a format out of {', '.join(WRITERS)}", repr(format), "Correct `format`, or leave it out.")
    suffix = Path(path).suffix
    choices = [WRITERS[format]] if format is not None else list(WRITERS.values())
    for writer in choices:
        if suffix in writer.suffixes:
            return writer
    suffixes = ", ".join(dict.fromkeys(suffix for writer in choices for suffix in writer.suffixes))
    raise expected(f"a path that ends in {suffixes}", f"{str(path)!r}", "Correct the suffix.")
