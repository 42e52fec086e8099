"""Forecasts of tables: a table in, its continuation out."""

from __future__ import annotations

import math

import pandas as pd
import torch

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import uniform_step
from surrogate.datasets.series import TIME_NAMES, Missing, from_frame
from surrogate.datasets.time_axis import stamps_of
from surrogate.operator import Stepper
from surrogate.rollouts import rollout


def forecast(
    model: Stepper,
    frame: pd.DataFrame,
    *,
    horizon: int | None = None,
    time: str | None = None,
    missing: Missing = "raise",
    device: str | torch.device | None = None,
) -> pd.DataFrame:
    """Continue a table by ``horizon`` rows.

    Parameters
    ----------
    model
        A trained forecaster.
    frame
        At least its ``history`` rows, with its fields among the columns; the last ones are used.
    horizon
        Number of rows; default: the horizon of the model. Beyond it the model goes on from its own forecasts.
    time, missing
        As for `surrogate.from_frame`.
    device
        Where to compute; default: where the model is.

    Returns
    -------
    pandas.DataFrame
        A column for each field; the index goes on from that of ``frame`` (in UTC if its times have a zone).

    Raises
    ------
    InputError
        Columns or rows that lack, another time step than the model's, no row asked for, or no regular series.
    """
    steps = model.horizon if horizon is None else horizon
    if steps < 1:
        raise expected("a horizon of at least 1", steps, "Ask for at least one row.")
    fields = from_frame(_relevant(model, frame, time), time=time, missing=missing)
    rows = fields.sizes["time"]
    if rows < model.history:
        raise expected(f"at least {model.history} rows to forecast from", rows, "Give a longer table.")
    step = uniform_step(fields)
    if not math.isclose(step, model.dt, rel_tol=1e-3):
        raise expected(f"rows that are dt={model.dt:.6g} apart", f"{step:.6g}", "Resample the table.")
    recent = fields.isel(time=slice(rows - model.history, None))
    future = rollout(model, recent, steps=steps, device=device, progress=False)
    columns = {name: future[name].values[0] for name in model.out_fields}
    index = stamps_of(future["time"]).rename(next(iter(_times(frame, time)), frame.index.name))
    return pd.DataFrame(columns, index=index)


def _times(frame: pd.DataFrame, time: str | None) -> list[str]:
    """Return the columns that may hold the times."""
    return [name for name in frame.columns if name == time or (time is None and str(name).lower() in TIME_NAMES)]


def _relevant(model: Stepper, frame: pd.DataFrame, time: str | None) -> pd.DataFrame:
    """Return the columns of the model, and of time."""
    lacking = [name for name in model.in_fields if name not in frame.columns]
    if lacking:
        do = "Rename the columns, or use the model of these series."
        raise expected(f"a column {lacking[0]!r}", f"only {list(map(str, frame.columns))}", do)
    times = _times(frame, time)
    return frame[[*times, *(name for name in model.in_fields if name not in times)]]
