"""One HDF5 file for all samples, which plain xarray can read; written whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h5netcdf
import xarray as xr
from xarray.backends import H5NetCDFStore

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import CONVENTIONS, Fields, check
from surrogate.datasets.hdf5_variables import add_room, fill, write_variables
from surrogate.datasets.locks import hidden, only_writer
from surrogate.datasets.stored import is_lazy
from surrogate.datasets.stored_piece import file_state
from surrogate.datasets.watched import checked_when_read

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
def whole_file(path: str | Path, *, overwrite: bool = False, size: int = 0) -> Iterator[Path]:
    """Give a temporary path to write to, and move it to ``path`` on success; on failure nothing is left or changed.

    ``size`` is the number of bytes to come, if it is known: a disk that cannot hold them is refused at once. What a
    killed process left of an earlier attempt is removed.

    Raises
    ------
    InputError
        ``path`` exists and ``overwrite`` is false, its folder does not exist, or another process is writing it.
    OSError
        The file cannot be written (disk full, permission denied); the message names the file.
    """
    path = refuse_existing(path, overwrite)
    with named_errors(path, "Nothing was changed."), only_writer(path):
        refuse_existing(path, overwrite)  # another one may have just written it
        with replacing(path, size=size) as part:
            yield part


@contextmanager
def replacing(path: Path, *, size: int = 0) -> Iterator[Path]:
    """Do what `whole_file` does for a file that nobody else can write, as its writer is the only one."""
    part = hidden(path, "part")
    try:
        part.unlink(missing_ok=True)
        require_room(path.parent, size)
        yield part
        publish(part, path)
    finally:
        part.unlink(missing_ok=True)


def require_room(folder: Path, size: int) -> None:
    """Raise `OSError` if the disk of ``folder`` cannot hold ``size`` more bytes."""
    if size > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def publish(part: Path, path: Path) -> None:
    """Give a file that is whole its name, for good."""
    flush(part)
    os.replace(part, path)
    flush_names(path.parent)


def flush_names(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where it can tell: what has its name is not taken back."""
    with suppress(OSError):
        flush(folder)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def named_errors(path: Path, state: str) -> Iterator[None]:
    """Raise what the system says of a write as an `OSError` that names ``path`` and what is left there."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause = _disk_error(error)
        if cause is None:
            raise
        words = str(cause) if cause.errno is None else os.strerror(cause.errno)  # h5py's own take three lines
        message = f"Could not write {str(path)!r}: {words}. {state}"
        raise (OSError(message) if cause.errno is None else OSError(cause.errno, message)) from error


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
    fills up while it writes.
    """
    contents = io.BytesIO()
    with h5netcdf.File(contents, "w") as file:
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


def _disk_error(error: BaseException | None) -> OSError | None:
    """Return what the system said: h5py follows it by a `RuntimeError` when it closes the file, or says only that."""
    first = error
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    said = re.search(r"file write failed: .*errno = (\d+)", str(first), re.DOTALL)
    if error is None and said is not None:
        return OSError(int(said[1]), os.strerror(int(said[1])))
    return error
