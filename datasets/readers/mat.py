"""MATLAB files, version 5 and 7.3 (HDF5): pairs as in the FNO data sets, and fields beside their coordinates."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from surrogate.datasets.errors import InputError
from surrogate.datasets.readers.arrays import DimsChoice
from surrogate.datasets.readers.axes import GridChoice
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.hdf5 import opened, require_written
from surrogate.datasets.readers.hdf5_claims import refuse_references
from surrogate.datasets.readers.matlab5 import read_matlab5
from surrogate.datasets.readers.named_arrays import KNOWN, fields_among, named_to_fields


def read_mat(
    path: Path,
    *,
    names: Mapping[str, str] | None = None,
    grid: GridChoice | None = None,
    times: Sequence[float] | None = None,
    dims: DimsChoice | None = None,
) -> xr.Dataset:
    """Read ``a``/``u``, ``input``/``output`` or ``coeff``/``sol``, or one of ``u``, ``uu``, ``usol`` beside ``x``.

    Vectors ``x``, ``y``, ``z`` and ``t`` (``tt``, ``time``) are their coordinates. Where a pair lies alone it is
    ``(sample, *space)``, with time last or behind the sample.

    Parameters
    ----------
    path
        The file.
    names
        New names for the arrays, such as ``{"a": "coefficient", "u": "pressure"}``. Other arrays of the file that are
        named here are read as well; single numbers become parameters.
    grid
        Where the points are: a `Grid`, or its arguments other than the shape, such as ``{"periodic": True}``; default:
        closed axes through the points of the file, or nodes of the unit box.
    times
        First and last time of the frames, or all, where the file has none; default: counted from 1.
    dims
        The axes of arrays whose shapes leave a choice, such as ``{"u": ("sample", "time", "x")}``.

    Raises
    ------
    InputError
        Not a MATLAB file, truncated, without such arrays, or with arrays that are not numbers.
    """
    names = names or {}
    wanted = KNOWN | names.keys()
    try:
        arrays = _read_hdf5(path, wanted) if h5py.is_hdf5(path) else read_matlab5(path, wanted)
    except InputError:
        raise
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("a readable MATLAB file at", path, error) from error
    chosen = fields_among(arrays, names, path)
    return named_to_fields(arrays, chosen, path, names=names, grid=grid, times=times, dims=dims)


def _read_hdf5(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """MATLAB stores columns first: the axes come reversed."""
    with opened(path) as file:
        refuse_references(file)
        found = {name: file[name] for name in file if name in wanted}
        return {name: _numbers(dataset).T for name, dataset in found.items() if isinstance(dataset, h5py.Dataset)}


def _numbers(dataset: h5py.Dataset) -> np.ndarray:
    """Return the numbers of a dataset; one of something else comes as an array of objects."""
    if dataset.dtype.kind not in "fiub":
        return np.empty(0, dtype=object)
    require_written(dataset)
    return np.asarray(dataset[()])
