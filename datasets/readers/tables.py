"""Tables of time series in CSV and Parquet files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.series import Missing, from_frame

READERS: dict[str, Callable[..., Any]] = {
    ".csv": pd.read_csv,
    ".parquet": pd.read_parquet,
}


def read_table(
    path: str | Path,
    *,
    names: Mapping[str, str] | None = None,
    time: str | None = None,
    series: str | None = None,
    missing: Missing = "raise",
    units: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Read a table of time series from ``.csv`` or ``.parquet`` as fields ``(sample, time)``.

    Parameters
    ----------
    path
        The file. Parquet needs ``pyarrow``.
    names
        New names for columns.
    time, series, missing, units
        As for `surrogate.datasets.from_frame`; ``time``, ``series`` and ``units`` use the new names.

    Raises
    ------
    InputError
        The file cannot be read, or is no regular series; names the file, and the row.
    """
    frame = read_frame(path)
    unknown = sorted(set(names or {}) - set(frame.columns))
    if unknown:
        raise expected(f"`names` of columns out of {list(frame.columns)}", unknown, "Correct `names`.")
    try:
        frame = frame.rename(columns=dict(names or {}))
        fields = from_frame(frame, time=time, series=series, missing=missing, units=units)
    except InputError as error:
        raise InputError(f"{error} (In {str(path)!r}.)") from error
    return fields.assign_attrs(source=Path(path).name)


def read_frame(path: str | Path) -> pd.DataFrame:
    """Read a table from ``.csv`` or ``.parquet`` as it is.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    path = Path(path)
    if not path.is_file() and path.suffix in READERS:
        raise expected("an existing file", f"{str(path)!r}", "Check the path.")
    if path.suffix not in READERS:
        raise expected(f"a file that ends in {', '.join(READERS)}", f"{str(path)!r}", "Convert it.")
    try:
        frame: pd.DataFrame = READERS[path.suffix](path)
    except ImportError as error:
        raise expected(f"pyarrow, to read {str(path)!r}", "none installed", "Run: pip install pyarrow") from error
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("a readable table at", path, error) from error
    return frame
