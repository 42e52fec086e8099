"""Tables of time series, as fields over sample and time."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.time_axis import axis_of, numbers_of, regular

Missing = Literal["raise", "interpolate", "drop"]
TIME_NAMES = ("time", "date", "datetime", "timestamp", "ds")


def from_frame(
    frame: pd.DataFrame | pd.Series | xr.Dataset | xr.DataArray,
    *,
    time: str | None = None,
    series: str | None = None,
    missing: Missing = "raise",
    units: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Return a table as fields ``(sample, time)``, one for each column.

    Parameters
    ----------
    frame
        A row for each time, a column for each field. Also a series, or an xarray object over ``time`` alone, or over
        ``time`` and one more dimension that becomes the fields.
    time
        The column of times. Default: an index of times, else the column named time, date, datetime, timestamp or ds,
        else the index, as numbers.
    series
        For a table in long form the column that tells the series apart: each becomes a sample. All must have the same
        times. To have them as fields of one sample, pivot the table first (``frame.pivot``).
    missing
        ``"raise"``; ``"interpolate"`` fills values, and whole rows that lack, linearly in time between neighbors;
        ``"drop"`` cuts rows with missing values off both ends, and refuses them in between.
    units
        Units of the columns; default: ``"1"``.

    Returns
    -------
    xarray.Dataset
        Values in float64. ``time`` is in seconds since the first row (a date in its units), or as the numbers are.

    Raises
    ------
    InputError
        Times that are no times, duplicated, not increasing or not regular; values that are no numbers or missing;
        names that are not there. The message names the row, counted from 0.

    Examples
    --------
    >>> import pandas as pd
    >>> from surrogate.datasets import from_frame
    >>> frame = pd.DataFrame({"date": ["2024-01-01 00:00", "2024-01-01 01:00"], "load": [1.0, 2.0]})
    >>> from_frame(frame)["time"].values.tolist(), from_frame(frame)["time"].attrs["units"]
    ([0.0, 3600.0], 'seconds since 2024-01-01 00:00:00')
    """
    if missing not in ("raise", "interpolate", "drop"):
        raise expected("missing 'raise', 'interpolate' or 'drop'", repr(missing), "Correct the name.")
    table = _table(frame)
    if series is not None:
        return _panel(table, time, series, missing, units or {})
    values, stamps = _split(table, time)
    values, stamps = _filled(*regular(values, stamps, fill=missing == "interpolate"), missing)
    return _fields(values.to_numpy()[None], list(map(str, values.columns)), stamps, units or {})


def _table(frame: pd.DataFrame | pd.Series | xr.Dataset | xr.DataArray) -> pd.DataFrame:
    if isinstance(frame, xr.DataArray) and frame.ndim == 2 and "time" in frame.dims:
        other = next(dim for dim in frame.dims if dim != "time")
        labels = frame[other].values if other in frame.coords else [f"{other}{i}" for i in range(frame.sizes[other])]
        frame = pd.DataFrame(
            frame.transpose("time", other).values, index=frame["time"].to_index(), columns=[str(x) for x in labels]
        )
    elif isinstance(frame, xr.DataArray):
        frame = frame.to_dataset(name=_name(frame))
    if isinstance(frame, xr.Dataset):
        if set(frame.dims) != {"time"}:
            do = "Select the others (fields.sel), or make them variables (to_dataset)."
            raise expected("variables over 'time' alone", tuple(frame.dims), do)
        frame = frame.to_dataframe()
    if isinstance(frame, pd.Series):
        frame = frame.to_frame(_name(frame))
    if not isinstance(frame, pd.DataFrame):
        raise expected("a pandas or xarray object", type(frame).__name__, "Convert it to a pandas.DataFrame.")
    if not len(frame):
        raise expected("a table with rows", "an empty one", "Give data.")
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise expected("columns of different names", f"{repeated[0]!r} twice", "Rename one of them.")
    return frame


def _name(single: pd.Series | xr.DataArray) -> str:
    return "value" if single.name is None else str(single.name)


def _panel(
    table: pd.DataFrame, time: str | None, series: str, missing: Missing, units: Mapping[str, str]
) -> xr.Dataset:
    _require(table, series)
    samples: dict[Hashable, tuple[pd.DataFrame, pd.Index]] = {}
    for label, rows in table.groupby(series, sort=False):
        values, stamps = _split(rows.drop(columns=series), time)
        samples[label] = _filled(*regular(values, stamps, fill=missing == "interpolate"), missing)
    first, (reference, stamps) = next(iter(samples.items()))
    for label, (_, own) in samples.items():
        if not own.equals(stamps):
            got = f"{len(own)} of {label!r} and {len(stamps)} of {first!r}, or others"
            do = "Cut them to a common span, or read the series one by one."
            raise expected("the same times for all series", got, do)
    stacked = np.stack([values.to_numpy() for values, _ in samples.values()])
    fields = _fields(stacked, list(map(str, reference.columns)), stamps, units)
    return fields.assign_coords(sample=("sample", [str(label) for label in samples]))


def _split(table: pd.DataFrame, time: str | None) -> tuple[pd.DataFrame, pd.Index]:
    """Return the numbers, and the times."""
    if time is None and not isinstance(table.index, pd.DatetimeIndex):
        time = next((str(name) for name in table.columns if str(name).lower() in TIME_NAMES), None)
    if time is not None and time != table.index.name:
        _require(table, time)
        stamps, table = pd.Index(table[time]), table.drop(columns=time)
    else:
        stamps = table.index
    if not len(table.columns):
        raise expected("a column of values beside the times", "none", "Give data.")
    return _numbers(table), axis_of(stamps)


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    columns = {}
    for name in table.columns:
        column = table[name]
        # a date would become a number
        plain = column if column.dtype.kind in "biuf" else column.astype(str).where(column.notna())
        numbers = pd.to_numeric(plain, errors="coerce")
        bad = np.flatnonzero(numbers.isna().to_numpy() & column.notna().to_numpy())
        if len(bad):
            got = f"{column.iloc[bad[0]]!r} in row {bad[0]}"
            raise expected(f"numbers in {name!r}", got, "Repair the value, or drop the column.")
        columns[name] = numbers.to_numpy(dtype=np.float64)
    return pd.DataFrame(columns)


def _filled(values: pd.DataFrame, stamps: pd.Index, missing: Missing) -> tuple[pd.DataFrame, pd.Index]:
    """Apply the policy for missing values."""
    if missing == "drop":
        whole = np.flatnonzero(values.notna().all(axis=1).to_numpy())
        if not len(whole):
            raise expected("at least one row without missing values", "none", "Drop the column that lacks them.")
        kept = slice(whole[0], whole[-1] + 1)
        values, stamps = values.iloc[kept], stamps[kept]
    elif missing == "interpolate":
        values = values.interpolate(method="linear", limit_area="inside")
    lacking = np.argwhere(values.isna().to_numpy())
    if len(lacking):
        row, column = lacking[0]
        got = f"{len(lacking)} missing values, the first in {values.columns[column]!r} at row {row} ({stamps[row]})"
        do = {
            "raise": "Repair the data, or pass missing='interpolate' or 'drop'.",
            "interpolate": "There is no neighbor on one side: cut these rows first (missing='drop').",
            "drop": "Rows in between cannot go without a gap: pass missing='interpolate'.",
        }
        raise expected("a value at every time", got, do[missing])
    return values, stamps


def _fields(values: np.ndarray, names: list[str], stamps: pd.Index, units: Mapping[str, str]) -> xr.Dataset:
    unknown = sorted(units.keys() - set(names))
    if unknown:
        raise expected(f"units of columns out of {names}", unknown, "Correct `units`.")
    variables = {
        name: (("sample", "time"), values[..., i], {"units": units.get(name, "1"), "long_name": name})
        for i, name in enumerate(names)
    }
    time, attrs = numbers_of(stamps)
    return check(xr.Dataset(variables, coords={"time": ("time", time, attrs)}))


def _require(table: pd.DataFrame, name: str) -> None:
    if name not in table.columns:
        raise expected(f"a column {name!r}", f"only {list(map(str, table.columns))}", "Correct the name.")
