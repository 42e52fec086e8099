"""Arrays of numpy: one in ``.npy``, several in ``.npz``."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from surrogate.datasets.readers.arrays import DimsChoice
from surrogate.datasets.readers.axes import GridChoice
from surrogate.datasets.readers.damage import MOST_COMPRESSED, unreadable
from surrogate.datasets.readers.named_arrays import fields_among, named_to_fields

SUFFIXES = (".npy", ".npz")
_LONGEST_HEADER = 2**16


def read_npy(
    path: Path,
    *,
    names: Mapping[str, str] | None = None,
    grid: GridChoice | None = None,
    times: Sequence[float] | None = None,
    dims: DimsChoice | None = None,
) -> xr.Dataset:
    """Read an array, or those of an archive, as `read_mat` reads those of a MATLAB file, with the same options.

    The one in a ``.npy`` file is called ``u``: ``(sample, *space)`` where ``dims`` does not say otherwise. It stays in
    the file until it is asked for.

    Raises
    ------
    InputError
        Not such a file, truncated, or holding Python objects, which could run code.
    """
    arrays, names = _read(path), names or {}
    chosen = list(arrays) if path.suffix == ".npy" else fields_among(arrays, names, path)
    return named_to_fields(arrays, chosen, path, names=names, grid=grid, times=times, dims=dims)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.suffix == ".npy":
            with path.open("rb") as file:
                _refuse_claims(file, path.stat().st_size)
            return {"u": np.load(path, mmap_mode="r", allow_pickle=False)}
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.file_size > MOST_COMPRESSED * entry.compress_size:
                    raise ValueError(f"{entry.file_size} bytes in {entry.compress_size} that are stored")
                with archive.open(entry) as member:
                    _refuse_claims(member, entry.file_size)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("arrays of numbers at", path, error) from error


def _refuse_claims(file: Any, size: int) -> None:
    """Raise `ValueError` where an array claims to be larger than its file, before memory is set aside for it."""
    version = np.lib.format.read_magic(file)
    width = 2 if version == (1, 0) else 4
    length = int.from_bytes(file.read(width), "little")
    if length > min(size, _LONGEST_HEADER):
        raise ValueError(f"a header of {length} bytes in a file of {size}")
    file.seek(np.lib.format.MAGIC_LEN)
    read = np.lib.format.read_array_header_1_0 if width == 2 else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"an array of shape {shape} in a file of {size} bytes")
