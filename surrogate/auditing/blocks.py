"""Values of fields, some samples at a time: an audit takes no more memory for more samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import xarray as xr

from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.samples.ragged import counts, is_structure, pointer, select_samples

LIMIT = 2**24  # bytes read at once
_PIECES = 8  # times as many, where a file stores its values in pieces of that size: to read a part is to read all
OVER_SPACE = frozenset({*AXES, "node", "cell"})


def field_names(fields: xr.Dataset) -> list[str]:
    """Return the names of the fields: not of parameters, labels and what says how values are arranged."""
    joined = counts(fields)
    extended = OVER_SPACE | {"time"} | joined.keys()
    return [
        str(name)
        for name, variable in fields.data_vars.items()
        if variable.dtype.kind == "f" and not is_structure(variable.variable) and extended & set(variable.dims)
    ]


def n_samples(fields: xr.Dataset) -> int:
    """Return the number of samples; fields without that dimension are one."""
    return int(fields.sizes.get("sample", 1))


def chosen_samples(fields: xr.Dataset, count: int | None) -> list[int]:
    """Return the numbers of at most ``count`` samples, evenly spaced among all; all of them for None."""
    total = n_samples(fields)
    every = range(total) if count is None else np.linspace(0, total - 1, min(count, total)).round()
    return sorted({int(sample) for sample in every})


def chosen_frames(fields: xr.Dataset, count: int | None) -> np.ndarray:
    """Return the numbers of at most ``count`` frames, evenly spaced, first and last among them; all for None."""
    total = fields.sizes["time"]
    every = np.arange(total) if count is None else np.linspace(0, total - 1, min(count, total)).round()
    return np.unique(every.astype(int))


def sample_of(fields: xr.Dataset, sample: int) -> xr.Dataset:
    """Return the fields of one sample, with that dimension."""
    return select_samples(fields, [sample]) if "sample" in fields.dims else fields.expand_dims("sample")


def ranges_of(fields: xr.Dataset, name: str) -> np.ndarray:
    """Return smallest and largest value of each sample, float64 ``(sample, 2)``; NaN where values are not finite."""
    ranges = np.tile([np.inf, -np.inf], (n_samples(fields), 1))
    for sample, _, values in samples_of(fields, name):
        if values.size:
            ranges[sample] = np.minimum(ranges[sample, 0], values.min()), np.maximum(ranges[sample, 1], values.max())
    return np.where(np.isfinite(ranges).all(axis=1, keepdims=True), ranges, np.nan)


def samples_of(fields: xr.Dataset, name: str, *, limit: int = LIMIT) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield sample, number of its first frame and values, read in blocks of about ``limit`` bytes.

    Values have the dimensions of the variable without ``sample``; of one that joins samples (``node``) they are those
    of the sample. A sample beyond the limit comes in several pieces, each of whole frames.
    """
    variable, lengths = fields[name], counts(fields)
    order = [dim for dim in ("sample", "time") if dim in variable.dims]
    if list(variable.dims[: len(order)]) != order:
        variable = variable.transpose(*order, ...)
    joined = next((dim for dim in variable.dims if dim in lengths), None)
    if joined is not None:
        yield from _of_joined(variable, str(joined), lengths[str(joined)], limit)
    elif "sample" not in variable.dims:
        yield from ((0, first, values) for first, values in _frames(variable, limit))
    else:
        rows = _rows(variable, "sample", limit)
        for start in range(0, variable.sizes["sample"], rows):
            if rows > 1:
                block = variable.isel(sample=slice(start, start + rows)).values
                yield from ((start + row, 0, values) for row, values in enumerate(block))
            else:
                yield from ((start, first, values) for first, values in _frames(variable.isel(sample=start), limit))


def _frames(variable: xr.DataArray, limit: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield number of the first frame and values of one sample."""
    if "time" not in variable.dims or variable.nbytes <= limit:
        yield 0, variable.values
        return
    rows = _rows(variable, "time", limit)
    for start in range(0, variable.sizes["time"], rows):
        yield start, variable.isel(time=slice(start, start + rows)).values


def _rows(variable: xr.DataArray, dim: str, limit: int) -> int:
    """Return how many samples or frames to read at once, so that no stored piece is read twice if it can be."""
    size = max(1, variable.nbytes // max(1, variable.sizes[dim]))
    rows = max(1, limit // size)
    piece = variable.encoding.get("preferred_chunks", {}).get(dim, 1)
    whole = math.ceil(rows / piece) * piece
    return whole if whole * size <= _PIECES * limit else rows


def _of_joined(
    variable: xr.DataArray, dim: str, count: np.ndarray, limit: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    ends = pointer(count)
    per_row = max(1, variable.nbytes // max(1, variable.sizes[dim]))
    blocks = np.append(np.flatnonzero(np.diff(ends[:-1] * per_row // limit, prepend=-1)), len(count))
    axis = variable.get_axis_num(dim)
    assert isinstance(axis, int)
    for first, last in pairwise(blocks):
        values = variable.isel({dim: slice(ends[first], ends[last])}).values
        parts = np.split(values, ends[first + 1 : last] - ends[first], axis=axis)
        yield from ((int(first) + row, 0, part) for row, part in enumerate(parts))
