"""MATLAB files in the style of the FNO data sets, version 5 and 7.3 (HDF5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.readers.arrays import GridChoice, arrays_to_fields
from surrogate.datasets.readers.matlab5 import read_matlab5

PAIRS = (("a", "u"), ("input", "output"), ("coeff", "sol"))
WANTED = {name for pair in PAIRS for name in pair}


def read_mat(path: Path, *, names: Mapping[str, str] | None = None, grid: GridChoice | None = None) -> xr.Dataset:
    """Read the pair ``a``/``u``, ``input``/``output`` or ``coeff``/``sol``: ``(sample, *space)``, time last.

    Parameters
    ----------
    path
        The file.
    names
        New names for the arrays, such as ``{"a": "coefficient", "u": "pressure"}``.
    grid
        Where the points are: a `Grid`, or its arguments other than the shape, such as ``{"periodic": True}``; default:
        nodes of the unit box.

    Raises
    ------
    InputError
        Not a MATLAB file, truncated, without one of the pairs, or with arrays that are not numbers.
    """
    try:
        arrays = _read_hdf5(path) if h5py.is_hdf5(path) else read_matlab5(path, WANTED)
    except Exception as error:  # a damaged file makes its parser raise anything
        raise expected(f"a readable MATLAB file at {str(path)!r}", repr(error), "Make or copy it again.") from error
    pair = next((pair for pair in PAIRS if all(name in arrays for name in pair)), None)
    if pair is None:
        wanted = " or ".join("/".join(pair) for pair in PAIRS)
        raise expected(f"the variables {wanted} in {str(path)!r}", sorted(arrays), "Rename them in the file.")
    chosen = {name: arrays[name] for name in pair}
    for name, array in chosen.items():
        if array.dtype.kind not in "fiub":
            raise expected(f"real numbers in {name!r} of {str(path)!r}", array.dtype, "Correct the file.")
    return arrays_to_fields(chosen, grid=grid, names=names or {}, source=path.name)


def _read_hdf5(path: Path) -> dict[str, np.ndarray]:
    """MATLAB stores columns first: the axes come reversed."""
    with h5py.File(path) as file:
        return {name: file[name][()].T for name in file if name in WANTED and isinstance(file[name], h5py.Dataset)}
