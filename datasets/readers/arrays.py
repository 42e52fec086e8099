"""Named arrays without coordinates: give them a grid, a time axis and units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grid import Grid


def arrays_to_fields(
    arrays: Mapping[str, np.ndarray], *, grid: Grid | None, names: Mapping[str, str], source: str
) -> xr.Dataset:
    """Return arrays ``(sample, *space)``, or one of them ``(sample, *space, time)``, as fields.

    The array of lowest rank tells the space; an array with one dimension more has time last. Space is the unit box with
    nodes on closed axes unless ``grid`` says otherwise; time is counted from 1, as the files store results only.

    Raises
    ------
    InputError
        Ranks or shapes that do not fit each other, or the grid.
    """
    rank = min(array.ndim for array in arrays.values())
    first = next(array for array in arrays.values() if array.ndim == rank)
    if not 2 <= rank <= 4:
        raise expected(f"arrays (sample, x, ...) of rank 2 to 4 in {source}", f"rank {rank}", "Reshape them.")
    grid = grid or Grid(shape=first.shape[1:])
    if grid.shape != first.shape[1:]:
        raise expected(f"a grid of shape {first.shape[1:]} for {source}", grid.shape, "Pass a matching `grid`.")
    variables, coords = {}, grid.coordinates()
    for name, array in arrays.items():
        has_time = array.ndim == rank + 1
        if array.shape[: rank] != first.shape or array.ndim > rank + 1:
            raise expected(f"shape {first.shape} (and time) for {name!r} in {source}", array.shape, "Correct the file.")
        dims = ("sample", "time", *grid.names) if has_time else ("sample", *grid.names)
        values = np.moveaxis(array, -1, 1) if has_time else array
        label = names.get(name, name)
        variables[label] = xr.Variable(dims, as_floating(values), {"units": "1", "long_name": label})
        if has_time:
            time = np.arange(1.0, array.shape[-1] + 1)
            coords["time"] = xr.Variable(("time",), time, {"units": "1", "long_name": "time"})
    return xr.Dataset(variables, coords=coords, attrs={"source": source})


def as_floating(values: np.ndarray) -> np.ndarray:
    """Return booleans, integers and half precision as float32; leave float32 and float64 alone."""
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)
