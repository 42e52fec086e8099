"""Named arrays: give them dimensions, a grid, a time axis and units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.readers.axes import GridChoice, Vectors, space_axes, time_axis
from surrogate.datasets.readers.converted import ConvertedArray
from surrogate.datasets.readers.layout import Dims, dims_of_all

Arrays = Mapping[str, np.ndarray]
DimsChoice = Mapping[str, Sequence[str]]


def arrays_to_fields(
    arrays: Arrays,
    *,
    vectors: Vectors,
    numbers: Arrays,
    names: Mapping[str, str],
    grid: GridChoice | None,
    times: Sequence[float] | None,
    dims: DimsChoice | None,
    source: str,
) -> xr.Dataset:
    """Return arrays over space, with or without sample and time, as fields.

    What the axes of an array are is told from the lengths of the vectors of coordinates in the file; without these the
    array of lowest rank is ``(sample, *space)`` and one with a dimension more has time last or behind the sample.
    ``dims`` says it where lengths leave a choice. A file without samples gives one. Without vectors, space is the unit
    box with nodes on closed axes unless ``grid`` says otherwise, and time is counted from 1, as the files store results
    only, unless ``times`` does. Single ``numbers`` become parameters.

    Raises
    ------
    InputError
        Ranks or lengths that do not fit each other, the vectors, or what was asked for.
    """
    everything = {**arrays, **numbers}
    labels = {name: names.get(name, name) for name in everything}
    if not names.keys() <= everything.keys() or len(set(labels.values())) < len(labels):
        wanted = f"a different new name for each of {list(everything)} in {source}"
        raise expected(wanted, dict(names), "Correct `names`.")
    space, sizes = _space(arrays, vectors, dims or {}, source)
    found = dims_of_all(arrays, space, sizes, dims or {}, source)
    alone = not any("sample" in order for order in found.values())
    variables = {labels[name]: _variable(array, found[name], space, alone) for name, array in arrays.items()}
    variables, coords = space_axes(variables, space, vectors, grid)
    length = next((variable.sizes["time"] for variable in variables.values() if "time" in variable.dims), None)
    coords |= time_axis(length, vectors.get("time"), times, source)
    variables |= {labels[name]: _floating(value.reshape(()), ()) for name, value in numbers.items()}
    for name, variable in variables.items():
        variable.attrs = {"units": "1", "long_name": name}
    return check(xr.Dataset(variables, coords=coords, attrs={"source": source}), values=False)


def _floating(array: np.ndarray, dims: Dims) -> xr.Variable:
    """Return double precision as float64 and all else as float32; what lies in a file stays there."""
    dtype = np.float64 if array.dtype.kind == "f" and array.dtype.itemsize >= 8 else np.float32
    if isinstance(array, np.memmap):
        return ConvertedArray(xr.Variable(dims, array), dtype).variable({})
    return xr.Variable(dims, array.astype(dtype, copy=False))


def _space(arrays: Arrays, vectors: Vectors, dims: DimsChoice, source: str) -> tuple[Dims, dict[str, int]]:
    """Return the axes of space, and the lengths of dimensions that are known."""
    sizes = {name: len(vector) for name, vector in vectors.items()}
    named = {dim for order in dims.values() for dim in order} | vectors.keys()
    space = tuple(axis for axis in AXES if axis in named)
    if "x" in space:
        return space, sizes
    first = min(arrays.values(), key=lambda array: array.ndim)
    if not 2 <= first.ndim <= 4:
        raise expected(f"arrays (sample, x, ...) of rank 2 to 4 in {source}", f"rank {first.ndim}", "Reshape them.")
    space = AXES[: first.ndim - 1]
    return space, {**sizes, **dict(zip(("sample", *space), first.shape, strict=True))}


def _variable(array: np.ndarray, dims: Dims, space: Dims, alone: bool) -> xr.Variable:
    """Return the array with its axes in the order of the convention; where there are no samples, as one."""
    values = _floating(array[None], ("sample", *dims)) if alone else _floating(array, dims)
    return values.transpose(*(dim for dim in ("sample", "time", *space) if dim in values.dims))
