"""surrogate forecast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich import print as show

import surrogate as sg
from surrogate.cli.parts import save_figure
from surrogate.datasets.errors import expected
from surrogate.datasets.readers.tables import read_frame
from surrogate.datasets.series import Missing
from surrogate.datasets.storage.whole_files import refuse_existing, whole_file

if TYPE_CHECKING:
    import pandas as pd


def forecast(
    model: str,
    data: str,
    path: str,
    horizon: int | None = None,
    *,
    time: str | None = None,
    missing: Missing = "raise",
    plot: str | None = None,
    device: str | None = None,
    overwrite: bool = False,
) -> None:
    """Continue a table of time series with a trained forecaster.

    Example: surrogate forecast runs/load/surrogate.safetensors load.csv forecast.csv --horizon 96 --plot forecast.png

    Args:
        model: File of the trained forecaster.
        data: Table to continue (.csv, .parquet): a row for each time, a column for each series; its last rows are used.
        path: Table to write (.csv, .parquet).
        horizon: Number of rows; default: that of the model. Beyond it the model goes on from its own forecasts.
        time: Column of times; default: one named time, date, datetime, timestamp or ds.
        missing: Refuse missing values and rows (raise), fill them between neighbors (interpolate), or cut them (drop).
        plot: Also draw the last rows and the forecast into this file (.png, .pdf, .svg).
        device: Where to compute, such as cuda; default: the CPU.
        overwrite: Replace the files if they exist.
    """
    if Path(path).suffix not in (".csv", ".parquet"):
        raise expected("a table that ends in .csv or .parquet", f"{path!r}", "Correct the suffix.")
    for target in (path, plot):
        if target is not None:
            refuse_existing(target, overwrite)
    stepper = sg.load(model)
    if not isinstance(stepper, sg.Stepper) or stepper.domain.dim:
        raise expected("a forecaster of series", "a surrogate of fields", "Use `surrogate rollout`.")
    table = read_frame(data)
    future = sg.forecast(stepper, table, horizon=horizon, time=time, missing=missing, device=device)
    _write(future, path, overwrite)
    if plot is not None:
        past = sg.from_frame(table, time=time, missing=missing).isel(time=slice(-stepper.history, None))
        save_figure(sg.plot_forecast(past, future), plot, overwrite=overwrite)
    show(f"[bold]{path}[/bold]: {len(future)} rows of {', '.join(future.columns)}")


def _write(table: pd.DataFrame, path: str, overwrite: bool) -> None:
    with whole_file(path, overwrite=overwrite) as part:
        if Path(path).suffix == ".csv":
            table.to_csv(part)
            return
        try:
            table.to_parquet(part)
        except ImportError as error:
            raise expected(f"pyarrow, to write {path!r}", "none installed", "Run: pip install pyarrow") from error
