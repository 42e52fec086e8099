"""Arrays of numpy: one in ``.npy``, several in ``.npz``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.readers.arrays import DimsChoice, arrays_to_fields
from surrogate.datasets.readers.axes import GridChoice
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.mat import fields_among, vectors_among

SUFFIXES = (".npy", ".npz")


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
    the file until it is asked for, if it is floating point.

    Raises
    ------
    InputError
        Not such a file, truncated, or holding Python objects, which could run code.
    """
    arrays = _read(path)
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise expected(f"real numbers in {name!r} of {str(path)!r}", array.dtype, "Store numbers.")
    chosen = arrays if path.suffix == ".npy" else fields_among(arrays, names or {}, path)
    numbers = {name: array for name, array in chosen.items() if array.size == 1 and name in (names or {})}
    fields = arrays_to_fields(
        {name: array for name, array in chosen.items() if name not in numbers},
        vectors=vectors_among(arrays),
        numbers=numbers,
        names=names or {},
        grid=grid,
        times=times,
        dims=dims or {},
        source=path.name,
    )
    return check(fields, values=False)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.suffix == ".npy":
            return {"u": np.load(path, mmap_mode="r", allow_pickle=False)}
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("arrays of numbers at", path, error) from error
