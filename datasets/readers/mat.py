"""MATLAB files, version 5 and 7.3 (HDF5): pairs as in the FNO data sets, and fields beside their coordinates."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.readers.arrays import DimsChoice, arrays_to_fields
from surrogate.datasets.readers.axes import GridChoice
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.hdf5 import opened, require_written
from surrogate.datasets.readers.hdf5_claims import refuse_references
from surrogate.datasets.readers.matlab5 import read_matlab5

PAIRS = (("a", "u"), ("input", "output"), ("coeff", "sol"))
SINGLE = ("u", "uu", "usol")
#: Vectors that hold coordinates, with the dimension that they belong to.
COORDINATES = {"x": "x", "y": "y", "z": "z", "t": "time", "tt": "time", "time": "time"}
KNOWN = {name for pair in PAIRS for name in pair} | set(SINGLE) | COORDINATES.keys()


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
    for name, array in chosen.items():
        if array.dtype.kind not in "fiub":
            raise expected(f"real numbers in {name!r} of {str(path)!r}", array.dtype, "Correct the file.")
    numbers = {name: array for name, array in chosen.items() if array.size == 1 and name in names}
    return arrays_to_fields(
        {name: array for name, array in chosen.items() if name not in numbers},
        vectors=vectors_among(arrays),
        numbers=numbers,
        names=names,
        grid=grid,
        times=times,
        dims=dims or {},
        source=path.name,
    )


def fields_among(arrays: Mapping[str, np.ndarray], names: Mapping[str, str], path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file that are fields: a pair, one beside its coordinates, and those with new names."""
    pair = next((pair for pair in PAIRS if all(name in arrays for name in pair)), ())
    alone = [name for name in SINGLE if name in arrays and not pair and "x" in arrays][:1]
    chosen = {name: arrays[name] for name in (*pair, *alone, *names) if name in arrays and name not in COORDINATES}
    if not chosen:
        wanted = " or ".join("/".join(pair) for pair in PAIRS)
        do = "Rename them in the file, or say which with `names`."
        found = sorted(arrays)
        raise expected(f"the variables {wanted}, or {'/'.join(SINGLE)} beside x, in {str(path)!r}", found, do)
    return chosen


def vectors_among(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the coordinates among the arrays of a file; one number is none."""
    found = {dim: arrays[name] for name, dim in COORDINATES.items() if name in arrays}
    return {d: v.ravel() for d, v in found.items() if v.dtype.kind in "fiu" and 1 < v.size == max(v.shape)}


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
