"""Sizes of the parts, and parts of series: the past to train, the future to test."""

from __future__ import annotations

import hashlib
import itertools
import warnings
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.samples.moments import extremes
from surrogate.datasets.samples.ragged import counts, pointer

PARTS = ("train", "validation", "test")
Split = tuple[float, float, float] | tuple[int, int, int]


class ConstantSeries(UserWarning):
    """A series does not vary in the training part."""


def time_split(fields: xr.Dataset, split: Split, history: int, horizon: int) -> dict[str, xr.Dataset]:
    """Return the parts; validation and test begin ``history`` rows before their first target.

    Warns with `ConstantSeries` where the training part tells nothing of a series.

    Raises
    ------
    InputError
        Counts or fractions that do not fit, or a part that is too short; tells how many rows are needed.
    """
    sizes = _row_counts(split, fields.sizes["time"])
    needed = (history + horizon, horizon, horizon)
    parts, start = {}, 0
    for part, count, least in zip(PARTS, sizes, needed, strict=True):
        if _too_short(part, count, least):
            what = f"at least {least} rows in {part!r} for history={history}, horizon={horizon}"
            rows = _rows_needed(split, needed, fields.sizes["time"])
            do = f"Give at least {rows} rows, or use a shorter history or horizon."
            raise expected(what, count, do)
        first = start if part == "train" or not count else start - history
        parts[part] = fields.isel(time=slice(first, start + count)).assign_attrs(split_by="time")
        start += count
    for name, variable in parts["train"].data_vars.items():
        if "time" in variable.dims and len(set(extremes(str(name), variable.variable))) == 1:
            text = f"{name!r} is constant in the training part: forecasts of it, and its share in scores, say nothing."
            warnings.warn(text, ConstantSeries, stacklevel=3)
    return parts


def refuse_overlap(training: xr.Dataset, later: xr.Dataset, history: int) -> None:
    """Raise `InputError` if a target of ``later`` was also in ``training``, or before."""
    if later.sizes["time"] <= history:
        raise expected(f"more than {history} rows to judge by", later.sizes["time"], "Give a longer part.")
    last, first = float(training["time"][-1]), float(later["time"][history])
    if first <= last:
        got = f"targets from time {first:.10g} on where training ends at {last:.10g}"
        do = 'Split with prepare(..., split_by="time").'
        raise expected("targets that all come after the training part", got, do)


def geometry_keys(fields: xr.Dataset) -> list[str]:
    """Return for each sample of a ragged mesh a hash of its points."""
    axes = [fields[axis].transpose("node", ...).values for axis in AXES if axis in fields.coords]
    points = np.stack(axes, axis=-1)
    ends = pointer(counts(fields)["node"])
    return [hashlib.sha256(points[start:end].tobytes()).hexdigest() for start, end in pairwise(ends)]


def refuse_shared_geometries(keys: Sequence[str], members: Sequence[np.ndarray]) -> None:
    """Raise `InputError` if samples of equal `geometry_keys` are in two parts; ``members`` are those of each part."""
    parts = [{keys[sample] for sample in part} for part in members]
    every = set().union(*parts)
    shared = sum(map(len, parts)) - len(every)
    if shared:
        do = 'Pass group="geometry", or group="sample" if new loads on known geometries are the question.'
        raise expected("each geometry in one part only", f"{shared} of {len(every)} in two", do)


def whole_counts(split: Split, available: int, *, of: str) -> tuple[int, int, int] | None:
    """Return the counts, or None for fractions.

    Raises
    ------
    InputError
        Neither counts of at most ``available`` nor fractions that sum to 1; ``of`` is the word for what is counted.
    """
    if len(split) != 3 or any(not np.isfinite(part) or part < 0 for part in split):
        raise expected("a split of three non-negative numbers (train, validation, test)", split, "Correct `split`.")
    if all(isinstance(part, int) for part in split) and sum(split) != 1:
        if sum(split) > available:
            raise expected(f"counts that sum to at most {available} {of}", split, f"Ask for fewer {of}.")
        train, validation, test = (int(part) for part in split)
        return train, validation, test
    if not np.isclose(sum(split), 1.0):
        raise expected("fractions that sum to 1, or whole counts", split, "Correct `split`.")
    return None


def _too_short(part: str, count: int, least: int) -> bool:
    """Tell whether a part has too few rows; validation and test may have none."""
    return count < least and (count > 0 or part == "train")


def _rows_needed(split: Split, needed: tuple[int, int, int], rows: int) -> int:
    """Return the length of the shortest series, longer than ``rows``, of which no part is too short."""
    if sum(split) > 1:  # counts
        wanted = zip(PARTS, split, needed, strict=True)
        return sum(least if _too_short(part, int(count), least) else int(count) for part, count, least in wanted)
    # validation takes what the others are cut down by, less than two rows
    least = (needed[0], needed[1] - 2, needed[2])
    start = int(max(number / share for number, share in zip(least, split, strict=True) if share > 0))
    for length in itertools.count(max(start, rows + 1)):
        if not any(map(_too_short, PARTS, _row_counts(split, length), needed)):
            break
    return length


def _row_counts(split: Split, rows: int) -> tuple[int, int, int]:
    """Return rows for each part. Fractions are cut down for train and test; validation takes what is left."""
    sizes = whole_counts(split, rows, of="rows")
    if sizes is not None:
        return sizes
    train, test = int(split[0] * rows), int(split[2] * rows)
    return train, rows - train - test, test
