"""Named arrays without coordinates: give them a grid, a time axis and units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grid import Grid

GridChoice = Grid | Mapping[str, Any]


def arrays_to_fields(
    arrays: Mapping[str, np.ndarray], *, grid: GridChoice | None, names: Mapping[str, str], source: str
) -> xr.Dataset:
    """Return arrays ``(sample, *space)``, or one of them ``(sample, *space, time)``, as fields.

    The array of lowest rank tells the space; an array with one dimension more has time last. Space is the unit box with
    nodes on closed axes unless ``grid`` says otherwise, a `Grid` or its arguments other than the shape. Time is counted
    from 1, as the files store results only.

    Raises
    ------
    InputError
        Ranks or shapes that do not fit each other, or the grid.
    """
    labels = {name: names.get(name, name) for name in arrays}
    if not names.keys() <= arrays.keys() or len(set(labels.values())) < len(labels):
        raise expected(f"a different new name for each of {list(arrays)} in {source}", dict(names), "Correct `names`.")
    rank = min(array.ndim for array in arrays.values())
    first = next(array for array in arrays.values() if array.ndim == rank)
    if not 2 <= rank <= 4:
        raise expected(f"arrays (sample, x, ...) of rank 2 to 4 in {source}", f"rank {rank}", "Reshape them.")
    if not isinstance(grid, Grid):
        grid = Grid(shape=first.shape[1:], **(grid or {}))
    if grid.shape != first.shape[1:]:
        raise expected(f"a grid of shape {first.shape[1:]} for {source}", grid.shape, "Pass a matching `grid`.")
    variables, coords = {}, grid.coordinates()
    for name, array in arrays.items():
        has_time = array.ndim == rank + 1
        if array.shape[:rank] != first.shape or array.ndim > rank + 1:
            raise expected(f"shape {first.shape} (and time) for {name!r} in {source}", array.shape, "Correct the file.")
        dims = ("sample", "time", *grid.names) if has_time else ("sample", *grid.names)
        values = np.moveaxis(array, -1, 1) if has_time else array
        attrs = {"units": "1", "long_name": labels[name]}
        variables[labels[name]] = xr.Variable(dims, as_floating(values), attrs)
        if has_time:
            time = np.arange(1.0, array.shape[-1] + 1)
            coords["time"] = xr.Variable(("time",), time, {"units": "1", "long_name": "time"})
    return xr.Dataset(variables, coords=coords, attrs={"source": source})


def as_floating(values: np.ndarray) -> np.ndarray:
    """Return double precision as float64 and all else as float32, in the byte order of this machine."""
    double = values.dtype.kind == "f" and values.dtype.itemsize >= 8
    return values.astype(np.float64 if double else np.float32, copy=False)
