"""The time axis of tables: what the stamps mean, and whether their step is regular."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import xarray as xr

from surrogate.datasets.errors import expected


def axis_of(stamps: pd.Index) -> pd.Index:
    """Return the stamps as dates without time zone (those with one in UTC), or as numbers.

    Raises
    ------
    InputError
        A stamp that cannot be read, or is missing; names the row.
    """
    if stamps.dtype.kind in "iuf":
        parsed: pd.Index = stamps.astype(np.float64)
    elif isinstance(stamps, pd.PeriodIndex):
        parsed = stamps.to_timestamp()
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Could not infer format")  # each row is then read by itself
            dates = pd.to_datetime(pd.Series(stamps), errors="coerce", utc=True)
        parsed = pd.DatetimeIndex(dates).tz_localize(None)
    bad = np.flatnonzero(parsed.isna())
    if len(bad):
        raise expected("a time in every row", f"{stamps[bad[0]]!r} in row {bad[0]}", "Repair it, or name the column.")
    return parsed


def regular(values: pd.DataFrame, stamps: pd.Index, *, fill: bool) -> tuple[pd.DataFrame, pd.Index]:
    """Return both, with all steps equal; with ``fill`` rows that lack are added, without values.

    Raises
    ------
    InputError
        Duplicated, unordered or irregular times, or a gap; names the row.
    """
    ticks = stamps.to_numpy().astype("datetime64[ns]").astype(np.int64) if _dated(stamps) else stamps.to_numpy()
    if len(ticks) < 2:
        raise expected("at least two rows", len(ticks), "A series has a step between two times.")
    steps = np.diff(ticks)
    _refuse(steps == 0, stamps, "each time once", "twice", "Remove one of the rows (drop_duplicates).")
    _refuse(steps < 0, stamps, "increasing times", "after a later one", "Sort the table (sort_values).")
    step = _most_common(steps)
    ratio = steps / step
    tolerance = 0.0 if _dated(stamps) else 1e-6
    whole = np.abs(ratio - np.round(ratio)) <= tolerance * np.maximum(ratio, 1)
    irregular = ~whole | (ratio < 0.5)
    _refuse(irregular, stamps, f"a regular step of {_words(stamps, step)}", "off it", "Resample the table.")
    rows = np.concatenate([[0], np.cumsum(np.round(ratio).astype(np.int64))])
    if fill and rows[-1] + 1 > len(rows):
        values = values.set_axis(rows).reindex(np.arange(rows[-1] + 1)).reset_index(drop=True)
        filled = ticks[0] + step * np.arange(rows[-1] + 1)
        return values, pd.DatetimeIndex(filled.astype("datetime64[ns]")) if _dated(stamps) else pd.Index(filled)
    lacking = ratio > 1.5
    do = "Pass missing='interpolate' to fill it, or cut the table there."
    _refuse(lacking, stamps, f"a row every {_words(stamps, step)}", "after a gap", do)
    return values.reset_index(drop=True), stamps


def _most_common(steps: np.ndarray) -> int | float:
    """Return the step that is most frequent up to round-off, the smallest of several."""
    _, first, counts = np.unique(np.round(steps / steps.max(), 9), return_index=True, return_counts=True)
    step: int | float = steps[first[counts.argmax()]].item()
    return step


def numbers_of(stamps: pd.Index) -> tuple[np.ndarray, dict[str, str]]:
    """Return the stamps as numbers, and the attributes that tell what they mean."""
    if not _dated(stamps):
        return stamps.to_numpy(dtype=np.float64), {"units": "1", "long_name": "time"}
    seconds = (stamps - stamps[0]) / pd.Timedelta(seconds=1)
    attrs = {"units": f"seconds since {stamps[0].isoformat(sep=' ')}", "long_name": "time"}
    return seconds.to_numpy(dtype=np.float64), attrs


def stamps_of(time: xr.DataArray) -> pd.Index:
    """Undo `numbers_of`."""
    units = str(time.attrs.get("units", "1"))
    if " since " not in units:
        return pd.Index(time.values, name="time")
    origin = pd.Timestamp(units.removeprefix("seconds since "))
    return pd.DatetimeIndex(origin + pd.to_timedelta(time.values, unit="s"), name="time")


def _dated(stamps: pd.Index) -> bool:
    return isinstance(stamps, pd.DatetimeIndex)


def _words(stamps: pd.Index, step: int | float) -> str:
    return str(pd.Timedelta(int(step), unit="ns")) if _dated(stamps) else f"{step:.6g}"


def _refuse(bad: np.ndarray, stamps: pd.Index, what: str, how: str, do: str) -> None:
    """Raise `InputError` at the first step that is bad."""
    if bad.any():
        row = int(np.flatnonzero(bad)[0]) + 1
        raise expected(what, f"{stamps[row]} {how} in row {row} (before it {stamps[row - 1]})", do)
