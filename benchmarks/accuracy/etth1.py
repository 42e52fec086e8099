"""Forecasts of ETTh1: error on every test window, and what it cost.

Run: ``python benchmarks/accuracy/etth1.py PATH/ETTh1.csv`` (also ETTh2.csv; ridge and repeated values in seconds,
``--models Ridge DLinear PatchTST --seeds 3 --epochs 10`` in minutes). Prints mean square and mean absolute error of
standardized values, the number of windows, seeds and seconds of training.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import warnings
from pathlib import Path

import torch
import xarray as xr

import surrogate as sg
from surrogate.evaluation import Persistence

SPLIT = (8640, 2880, 2880)  # rows: 12, 4 and 4 months of 30 days
PUBLISHED = {"Ridge": "-", "DLinear": ".375/.399", "NLinear": ".374/.394", "RLinear": ".366 (windows dropped)"}
PUBLISHED |= {"PatchTST": ".375/.399 (windows dropped)", "repeat last": "1.295/.713"}


def prepared(path: Path, history: int, horizon: int) -> xr.DataTree:
    fields = sg.open_dataset(path)
    names = [str(name) for name in fields.data_vars]
    sizes = {"history": history, "horizon": horizon}
    return sg.prepare(fields, inputs=names, outputs=names, split_by="time", split=SPLIT, **sizes)


def repeat_last(data: xr.DataTree) -> sg.Stepper:
    signature = sg.datasets.Signature.from_data(data)
    return Persistence(signature.out_fields, signature.domain, dt=signature.dt)


def trained(name: str, data: xr.DataTree, seed: int, epochs: int) -> sg.Surrogate:
    """Return the forecaster with the settings of its paper, but a one-cycle schedule."""
    torch.manual_seed(seed)
    cls = getattr(sg.forecasters, name)
    if name == "Ridge":
        return sg.fit(cls.for_data(data), data, batch_size=256)
    recipe = cls.PUBLISHED["etth1"]
    network = cls.for_data(data, **{k: v for k, v in recipe["network"].items() if k not in ("history", "horizon")})
    rate = 1e-3 if name == "PatchTST" else recipe["training"]["learning_rate"] / 5  # the schedule peaks at it
    optimizer = sg.OneCycleAdamW(learning_rate=rate, weight_decay=0.0)
    batch_size = recipe["training"]["batch_size"]
    objective = sg.objectives.MeanSquare()
    options = {"epochs": epochs, "batch_size": batch_size, "objective": objective, "optimizer": optimizer}
    return sg.fit(network, data, seed=seed, trainer={"accelerator": "cpu"}, devices=1, **options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--history", type=int, default=336)
    parser.add_argument("--horizon", type=int, default=96)
    parser.add_argument("--models", nargs="+", default=["Ridge"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore", sg.datasets.OutsideTrainingRange)
    data = prepared(options.path, options.history, options.horizon)
    print(
        f"{options.path.name}, {options.history} -> {options.horizon}; torch {torch.__version__}, {platform.machine()}"
    )
    print(f"{'model':12} {'MSE':>7} {'MAE':>7} {'spread':>7} {'windows':>8} {'seeds':>6} {'seconds':>8}  published")
    for name in ["repeat last", *options.models]:
        seeds = options.seeds if name not in ("repeat last", "Ridge") else 1
        errors, seconds = [], []
        for seed in range(seeds):
            model = repeat_last(data) if name == "repeat last" else trained(name, data, seed, options.epochs)
            errors.append(sg.forecast_errors(model, data))
            seconds.append(getattr(model, "record", {}).get("training_seconds", 0.0))
        mse, mae = (statistics.fmean(getattr(error, key) for error in errors) for key in ("mse", "mae"))
        spread = max(error.mse for error in errors) - min(error.mse for error in errors)
        row = f"{name:12} {mse:7.4f} {mae:7.4f} {spread:7.4f} {errors[0].windows:8} {seeds:6}"
        print(
            f"{row} {statistics.fmean(seconds):8.1f}  {PUBLISHED.get(name, '-') if options.horizon == 96 else ''}",
            flush=True,
        )


if __name__ == "__main__":
    main()
