r"""
Time series: what a forecaster has to beat
==========================================

A time series is a field without space: a table becomes fields, ``fit`` trains forecasters as it trains operators, and
the errors are those of every window of the test part. This page forecasts the next day of a made-up substation from
its last week: two loads and the temperature of the oil.

With a file of your own it takes one line less: ``fields = sg.open_dataset("ETTh1.csv")``.
"""

# %%
# A table
# -------
# Daily and weekly rhythm, weather that wanders, and oil that warms up slowly under load.

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import Tensor

import surrogate as sg

warnings.simplefilter("ignore", sg.datasets.OutsideTrainingRange)  # the last months are warmer than the first


def substation(days: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    hour = np.arange(24 * days)
    weather, oil = np.zeros(len(hour)), np.zeros(len(hour))
    for t in range(1, len(hour)):
        weather[t] = 0.99 * weather[t - 1] + 0.3 * random.standard_normal()
    day, working = 2 * np.pi * hour / 24, (hour // 24) % 7 < 5
    load = 10 + 3 * np.sin(day - 2) + 2 * working * np.clip(np.sin(2 * day), 0, None) + weather
    other = 4 + 1.5 * np.cos(day) + 0.5 * weather + 0.4 * random.standard_normal(len(hour))
    load = load + 0.5 * random.standard_normal(len(hour))
    for t in range(1, len(hour)):
        oil[t] = 0.95 * oil[t - 1] + 0.05 * (20 + 1.2 * load[t] + 5 * np.sin(2 * np.pi * t / (24 * 365)))
    dates = pd.date_range("2024-01-01", periods=len(hour), freq="1h")
    return pd.DataFrame({"date": dates, "load": load, "other": other, "oil": oil}).iloc[24 * 7 :]


table = substation(days=240, seed=0)
fields = sg.from_frame(table, units={"load": "MW", "other": "MW", "oil": "K"})
sg.plot_fields(fields.isel(time=slice(24 * 28)), figure=plt.figure(figsize=(9, 5), layout="constrained"))
plt.show()

# %%
# Data
# ----
# The past trains, the future tests; no target is in two parts.

names = list(fields.data_vars)
data = sg.prepare(fields, inputs=names, outputs=names, history=168, horizon=24, split_by="time", split=(0.7, 0.1, 0.2))

# %%
# A baseline of your own
# ----------------------
# Whatever follows the protocol can be measured. The seasonal forecast repeats what was a week, or a day, ago.


class Seasonal(sg.Stepper):
    def __init__(self, period: int) -> None:
        super().__init__()
        signature = sg.datasets.Signature.from_data(data)
        self.in_fields = self.out_fields = signature.out_fields
        self.domain, self.dt, self.history, self.horizon = signature.domain, signature.dt, period, min(period, 24)

    def forward(self, state: Tensor, static=None, forcing=None, parameters=None) -> Tensor:
        return state[:, : self.horizon * len(self.in_fields)]


# %%
# Forecasters
# -----------
# The ridge is solved for; penalty and constant term are chosen by the validation part. DLinear is trained.

torch.manual_seed(0)
recipe = {"epochs": 5, "batch_size": 32, "objective": sg.objectives.MeanSquare()}
models = {
    "repeat the last value": Seasonal(1),
    "repeat the last day": Seasonal(24),
    "repeat the last week": Seasonal(168),
    "ridge": sg.fit(sg.forecasters.Ridge.for_data(data), data, batch_size=256),
    "DLinear": sg.fit(sg.forecasters.DLinear.for_data(data), data, optimizer=sg.OneCycleAdamW(5e-3), **recipe),
}
errors = {name: sg.forecast_errors(model, data) for name, model in models.items()}
for name, error in errors.items():
    print(f"{name:22} MSE {error.mse:.3f}, MAE {error.mae:.3f} on {error.windows} windows")

# %%
# One forecast
# ------------
# ``forecast`` continues a table. The black line goes on: that is what happened.

known = table.iloc[:-24]
forecasts = [sg.forecast(models[name], known) for name in ("ridge", "repeat the last day")]
figure = plt.figure(figsize=(9, 5), layout="constrained")
sg.plot_forecast(fields.isel(time=slice(-96, None)), *forecasts, labels=("ridge", "repeat the last day"), figure=figure)
plt.show()

# %%
# The mean square error of the ridge, in units of the variance of the training part:

ridge_error = errors["ridge"].mse
print(f"{ridge_error:.3f}")
