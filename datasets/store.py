"""One HDF5 file for all samples, which plain xarray can read; written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import CONVENTIONS, Fields, check

SUFFIXES = (".h5", ".hdf5", ".nc")


def refuse_existing(path: str | Path, overwrite: bool) -> Path:
    """Return ``path`` as a `Path`; raise `InputError` if it cannot be written to without loss."""
    path = Path(path)
    if path.exists() and not overwrite:
        raise expected("an output path that does not exist", f"{str(path)!r}", "Choose another or pass overwrite=True.")
    if not path.parent.is_dir():
        raise expected("an existing folder", f"{str(path.parent)!r}", "Create it first.")
    return path


@contextmanager
def whole_file(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path to write to, and move it to ``path`` on success; on failure nothing is left or changed.

    Raises
    ------
    InputError
        ``path`` exists and ``overwrite`` is false, or its folder does not exist.
    OSError
        The file cannot be written (disk full, permission denied); the message names the file.
    """
    path = refuse_existing(path, overwrite)
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        _flush(part)
        os.replace(part, path)
        _flush(path.parent)
    except OSError as error:
        message = f"Could not write {str(path)!r}: {error.strerror or error}. Nothing was changed."
        raise (OSError(message) if error.errno is None else OSError(error.errno, message)) from error
    finally:
        part.unlink(missing_ok=True)


def save_dataset(fields: Fields, path: str | Path, *, overwrite: bool = False) -> None:
    """Check ``fields`` and write them to one HDF5 file (netCDF-4 layout).

    ``xarray.open_dataset(path, engine="h5netcdf")`` reads it without this package.

    Raises
    ------
    InputError
        The fields break the convention, the suffix is none of .h5, .hdf5, .nc, or the path exists.
    OSError
        The file cannot be written. Nothing is left behind.
    """
    check_suffix(path)
    refuse_existing(path, overwrite)
    dataset = check(fields).assign_attrs(Conventions=CONVENTIONS)
    with whole_file(path, overwrite=overwrite) as part:
        dataset.to_netcdf(part, engine="h5netcdf")


def check_suffix(path: str | Path) -> None:
    """Raise `InputError` unless ``path`` ends as a one-file store does."""
    if Path(path).suffix not in SUFFIXES:
        raise expected(f"a path that ends in {', '.join(SUFFIXES)}", f"{str(path)!r}", "Add the suffix.")


def read_store(path: Path) -> xr.Dataset:
    """Open a file of ours, or any netCDF-4 file, lazily. Times stay numbers in the units they name."""
    return xr.open_dataset(path, engine="h5netcdf", decode_times=False, decode_timedelta=False)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
