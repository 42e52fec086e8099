"""A forecast behind the values that it goes on from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, require
from surrogate.datasets.time_axis import stamps_of
from surrogate.evaluation.plots.style import REFERENCE, canvas, colors, date_axis, tidy


def plot_forecast(
    past: Fields, *forecasts: pd.DataFrame, labels: tuple[str, ...] = (), figure: Figure | None = None
) -> Figure:
    """Draw the known values of series and one or more forecasts of them, a panel for each series.

    Parameters
    ----------
    past
        What is known, as fields ``(sample, time)`` with one sample; where it reaches into the time of the forecasts it
        shows their truth.
    forecasts
        Tables that `surrogate.forecast` returned.
    labels
        Names of the forecasts.
    figure
        Where to draw, as for `surrogate.plot_fields`.

    Raises
    ------
    InputError
        No forecast, labels that are not as many, more than one sample, or series that ``past`` lacks.
    """
    known = as_dataset(past)
    if not forecasts or (labels and len(labels) != len(forecasts)) or known.sizes.get("sample", 1) != 1:
        got = f"{len(forecasts)} forecasts with {len(labels)} labels, {known.sizes.get('sample', 1)} samples"
        raise expected("forecasts, as many labels or none, and one sample", got, "Select a sample (isel).")
    names = [str(name) for name in forecasts[0].columns]
    require(known, names)
    labels = labels or tuple(f"forecast {number + 1}" if number else "forecast" for number in range(len(forecasts)))
    figure = figure or canvas(7.2, 0.8 + (1.3 if len(names) > 1 else 2.6) * len(names))
    times = stamps_of(known["time"])
    for axes, name in zip(figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0], names, strict=True):
        axes.plot(times, np.ravel(known[name].values), color=REFERENCE, lw=1.0, label="known")
        for (label, color), table in zip(colors(labels).items(), forecasts, strict=True):
            axes.plot(table.index, table[name], color=color, lw=1.2, label=label)
        axes.set_ylabel(name)
        tidy(axes)
    figure.axes[-1].set_xlabel(str(forecasts[0].index.name or "time"))
    if isinstance(times, pd.DatetimeIndex):
        date_axis(figure.axes[-1])
    handles, texts = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=4, frameon=False, fontsize="small")
    figure.align_ylabels()
    return figure
