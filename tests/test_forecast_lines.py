"""What `plot_forecast` draws are the tables that it was given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import surrogate as sg
from surrogate.datasets import InputError

DATES = pd.date_range("2024-01-01", periods=8, freq="1h", name="date")
TABLE = pd.DataFrame({"load": np.arange(8.0), "oil": np.arange(8.0) ** 2}, index=DATES)


def test_known_values_and_forecasts_are_lines_over_their_dates() -> None:
    future = [TABLE.iloc[6:] + shift for shift in (1.0, 2.0)]
    figure = sg.plot_forecast(sg.from_frame(TABLE), *future, labels=("ridge", "other"))
    figure.canvas.draw()
    for axes, name in zip(figure.axes, ("load", "oil"), strict=True):
        known, *lines = axes.lines
        np.testing.assert_array_equal(known.get_xdata(), DATES.to_numpy())
        np.testing.assert_array_equal(known.get_ydata(), TABLE[name])
        for line, table in zip(lines, future, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), table[name])
            np.testing.assert_array_equal(pd.DatetimeIndex(line.get_xdata()), table.index)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["known", "ridge", "other"]


def test_what_does_not_fit_is_refused() -> None:
    known = sg.from_frame(TABLE)
    with pytest.raises(InputError, match="got 0 forecasts with 0 labels, 1 samples"):
        sg.plot_forecast(known)
    with pytest.raises(InputError, match="got 1 forecasts with 2 labels"):
        sg.plot_forecast(known, TABLE, labels=("a", "b"))
    with pytest.raises(InputError, match="a field 'oil'"):
        sg.plot_forecast(known[["load"]], TABLE)
