"""Galerkin, Fourier and softmax attention on the Burgers data of their paper (arXiv 2105.14995), beside the FNO.

Run: ``python benchmarks/accuracy/burgers.py FOLDER`` (five to ten minutes for a training on one core, three for each
network; ``--epochs 2 --seeds 1`` for a look; ``--epochs 100 --device cuda`` as in the paper). Viscosity
0.1, initial data to the state at t = 1, 512 points, 1024 samples to train on, 100 to choose the epoch and 100 others
for the table. All networks but the FNO differ in their attention only and start with the same weights. Prints whether
attention without softmax is as good as with it, and cheaper.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping
from functools import partial

import torch
import trials
import xarray as xr

import surrogate as sg

SPLIT = (1024, 100, 100)
POINTS = 512
# The paper's term in the gradient, as a weight of the relative H1 error on 512 points.
GRADIENT = (0.1 / POINTS) ** 0.5
# Half that of the paper, with which the first training of Galerkin attention diverged: states at t = 1 differ in size
# by a factor of 50, and the relative error weighs the small ones by it.
LEARNING_RATE = 5e-4
TRANSFORMERS = {"Galerkin": "galerkin", "Fourier": "fourier", "softmax": "softmax"}
NAMES = (*TRANSFORMERS, "FNO")


def network(name: str) -> torch.nn.Module:
    if name == "FNO":
        return sg.models.FNO(1, 1, dim=1, n_modes=32, hidden_channels=64, n_layers=4, periodic=True)
    options = {"xavier_gain": 1e-3} if name == "Fourier" else {}
    attention = TRANSFORMERS[name]
    return sg.models.GalerkinTransformer(1, 1, dim=1, attention=attention, periodic=True, options=options)


def prepared(options: argparse.Namespace) -> tuple[xr.DataTree, dict[str, xr.Dataset]]:
    """Return the prepared data, and the test samples at the resolution of training and at finer ones."""
    fields = trials.truth(sg.cases.Burgers(POINTS), sum(SPLIT), options.folder / "data.h5")
    data = sg.prepare(fields, inputs=["u"], outputs=["u"], split=SPLIT)
    tests = {f"{POINTS}": data["test"].to_dataset()}
    for n in (2 * POINTS, 4 * POINTS):
        fine = trials.truth(sg.cases.Burgers(n), sum(SPLIT), options.folder / f"data_{n}.h5")
        tests[f"{n}"] = fine.sel(sample=tests[f"{POINTS}"]["sample"])
    return data, tests


def last_error(model: sg.Surrogate, fields: xr.Dataset) -> float:
    """Return the mean relative L2 error of the frame at t = 1."""
    start, end = fields.isel(time=slice(0, 1)), fields.isel(time=slice(1, 2))
    return float(sg.relative_error(sg.predict(model, start).isel(time=slice(-1, None)), end).mean())


def claim(errors: Mapping[str, list[list[float]]], cost: Mapping[str, float]) -> str:
    """Return what the table says about the claim of the paper."""
    mean = {name: statistics.mean(seed[0] for seed in errors[name]) for name in TRANSFORMERS if name in errors}
    if len(mean) < len(TRANSFORMERS):
        return ""
    spread = max(seed[0] for seed in errors["softmax"]) - min(seed[0] for seed in errors["softmax"])
    said = []
    for name in ("Galerkin", "Fourier"):
        gap = mean[name] - mean["softmax"]
        how = "as accurate as" if abs(gap) <= spread else "better than" if gap < 0 else "worse than"
        ratio = cost["softmax"] / cost[name]
        said.append(f"{name} is {how} softmax (the range of whose seeds is the yardstick) at 1/{ratio:.2f} of its cost")
    return "; ".join(said) + "."


def main() -> None:
    options = trials.parser_for(__doc__, NAMES, epochs=12, seeds=3).parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    data, tests = prepared(options)
    names = options.only or NAMES
    recipe = {
        "epochs": options.epochs,
        "batch_size": 4,
        "objective": sg.objectives.H1(GRADIENT),
        "optimizer": sg.OneCycleAdamW(LEARNING_RATE, weight_decay=0.0, gradient_clip=0.999),
    }
    errors: dict[str, list[list[float]]] = {}
    seconds: dict[str, float] = {}
    for seed in range(options.seeds):
        for name in names:
            folder = options.folder / f"{name}_{options.epochs}_{seed}"
            untrained = trials.seeded(partial(network, name), seed)
            model = trials.train(untrained, data, folder, options, seed=seed, **recipe)
            errors.setdefault(name, []).append([last_error(model, fields) for fields in tests.values()])
            seconds[name] = model.record["training_seconds"]
            print(f"{name}, seed {seed}: {errors[name][-1]}, {seconds[name]:.0f} s", flush=True)
    cost = trials.forward_backward_ms({name: network(name) for name in names}, torch.randn(4, 1, POINTS))
    head = ["", "parameters", *(f"error at {n} points" for n in tests), "forward + backward", "a training"]
    rows = [
        [
            name,
            trials.parameters(network(name)),
            *(trials.percent(seed[i] for seed in errors[name]) for i in range(len(tests))),
            f"{cost[name]:.0f} ms",
            f"{seconds[name] / 60:.1f} min",
        ]
        for name in names
    ]
    trials.write_table(options.folder / "table.md", head, rows, claim(errors, cost))


if __name__ == "__main__":
    main()
