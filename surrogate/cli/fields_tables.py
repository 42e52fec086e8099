"""Fields as tables for the terminal, read as little as a look needs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from rich.table import Table

from surrogate.auditing.blocks import chosen_frames, chosen_samples, n_samples
from surrogate.datasets.errors import InputError
from surrogate.datasets.fields import check
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.datasets.samples.ragged import counts, pointer
from surrogate.datasets.time_axis import stamps_of

#: Fields of up to so many bytes are read whole; of larger ones so many samples, and frames of each.
SMALL, MOST = 2**28, 16
_UNITS = ("B", "kB", "MB", "GB", "TB")


class Range(NamedTuple):
    """Smallest, largest and mean of the finite values that were read, and how many are not finite."""

    low: float
    high: float
    mean: float
    bad: int

    @property
    def words(self) -> tuple[str, str, str]:
        """The cells of the table."""
        low, high, mean = (f"{value:.4g}" for value in self[:3])
        return low, high, f"{mean} ({self.bad} not finite)" if self.bad else mean


def summary(path: str, fields: xr.Dataset) -> str:
    """Return size on disk and in memory, and what is wrong by the convention, in words."""
    disk = size_of(Path(path))
    sizes = f"{human(disk)} on disk, " if disk else ""
    lines = [f"{sizes}{human(fields.nbytes)} in memory"]
    try:
        check(fields, values=False)
    except InputError as error:
        lines.append(f"Breaks the convention: {error} `surrogate audit` says all that is wrong.")
    return "\n".join(lines)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 for a pattern."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def human(size: int) -> str:
    """Return bytes in words.

    >>> human(1234567)
    '1.23 MB'
    """
    power = min(len(_UNITS) - 1, max(0, (len(str(int(size))) - 1) // 3))
    return f"{size / 1000**power:.3g} {_UNITS[power]}"


def fields_table(path: str, fields: xr.Dataset, *, full: bool) -> Table:
    """Return a row for each field, with the range of its values; of large data in some samples and frames only."""
    most = None if full or fields.nbytes <= SMALL else MOST
    roles = any("role" in variable.attrs for variable in fields.data_vars.values())
    samples = chosen_samples(fields, most)
    frames = chosen_frames(fields, most) if "time" in fields.dims else None
    table = Table("field", "dimensions", "type", "units", "min", "max", "mean", title=path)
    if roles:
        table.add_column("role")
    for name, variable in fields.data_vars.items():
        dims = ", ".join(f"{dim} {size}" for dim, size in variable.sizes.items()) or "one number"
        words = [str(name), dims, str(variable.dtype), str(variable.attrs.get("units", "?"))]
        words += range_of(fields, str(name), samples, frames).words
        table.add_row(*words, *([str(variable.attrs.get("role", ""))] if roles else []))
    read = [
        f"{len(rows)} of {size} {what}"
        for what, rows, size in (
            ("samples", samples, n_samples(fields)),
            ("frames", frames if frames is not None else samples[:0], fields.sizes.get("time", 0)),
        )
        if len(rows) < size
    ]
    if read:
        table.caption = f"min, max and mean of {' and '.join(read)}, evenly spaced; --full reads all"
    return table


def range_of(fields: xr.Dataset, name: str, samples: list[int], frames: np.ndarray | None) -> Range:
    """Return the range of these samples and frames, one sample at a time."""
    variable, lengths = fields[name], counts(fields)
    if frames is not None and "time" in variable.dims and len(frames) < variable.sizes["time"]:
        variable = variable.isel(time=frames)
    joined = next((str(dim) for dim in variable.dims if dim in lengths), None)
    ends = pointer(lengths[joined]) if joined else np.zeros(0)
    parts = [variable]
    if joined:
        parts = [variable.isel({joined: slice(ends[sample], ends[sample + 1])}) for sample in samples]
    elif "sample" in variable.dims:
        parts = [variable.isel(sample=sample) for sample in samples]
    low, high, total, count, size = np.inf, -np.inf, 0.0, 0, 0
    for part in parts:
        values = np.ravel(part.values)
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        total, count, size = total + float(finite.sum(dtype=np.float64)), count + finite.size, size + values.size
    known = (low, high, total / count) if count else (np.nan, np.nan, np.nan)
    return Range(*known, size - count)


def axes_table(fields: xr.Dataset) -> Table:
    """Return a row for each axis, and for points and cells."""
    table = Table("axis", "size", "from", "to", "spacing", "units", "sides")
    for name in ("time", *AXES):
        if name in fields.coords and fields[name].ndim == 1 and name in fields.dims:
            units = str(fields[name].attrs.get("units", "?"))
            values = fields[name].values
            table.add_row(name, str(values.size), *_ends(fields[name]), _spacing(values), units, _sides(fields, name))
        elif name in fields.coords and not {"node", "sample"}.isdisjoint(fields[name].dims):
            units, values = str(fields[name].attrs.get("units", "?")), fields[name].values
            table.add_row(name, "", f"{values.min():.6g}", f"{values.max():.6g}", "", units, "of the points")
    lengths = counts(fields)
    for dim in ("sample", *(dim for dim in fields.dims if dim not in ("sample", "time", *AXES))):
        if dim in fields.dims:
            each = f"{lengths[str(dim)].min()} to {lengths[str(dim)].max()} in a sample" if dim in lengths else ""
            table.add_row(str(dim), str(fields.sizes[dim]), "", "", "", "", each)
    return table


def _ends(axis: xr.DataArray) -> tuple[str, str]:
    """Return the first and the last value in words; dates as such."""
    if axis.dtype.kind not in "fiu":
        return str(axis.values[0]), str(axis.values[-1])
    first, last = axis.values[[0, -1]]
    if str(axis.attrs.get("units")).startswith("seconds since "):
        first, last = stamps_of(axis[[0, -1]])
        return str(first), str(last)
    return f"{first:.6g}", f"{last:.6g}"


def _spacing(values: np.ndarray) -> str:
    if values.size < 2 or values.dtype.kind not in "fiu":
        return ""
    steps = np.diff(values.astype(np.float64))
    low, high, mean = float(steps.min()), float(steps.max()), float(steps.mean())
    return f"{mean:.6g}" if high - low <= 1e-3 * abs(mean) else f"{low:.4g} to {high:.4g}"


def _sides(fields: xr.Dataset, name: str) -> str:
    if name == "time":
        return ""
    try:
        grid = Grid.from_fields(fields)
    except InputError:
        return "no grid"
    axis = grid.names.index(name)
    low, high = grid.boundary[axis]
    ends = f"[{grid.extent[axis][0]:.6g}, {grid.extent[axis][1]:.6g}]"
    return f"{low if low == high else f'{low}, {high}'} on {ends}, values at {grid.location}s"


def attributes_table(fields: xr.Dataset) -> Table:
    """Return a row for each attribute."""
    table = Table("attribute", "value")
    for key, value in fields.attrs.items():
        table.add_row(str(key), str(value))
    return table
