"""FNO and FactFormer on Kolmogorov flow: rollouts of 50 steps, with and without the pushforward trick.

Run: ``python benchmarks/accuracy/kolmogorov.py FOLDER`` (ten minutes for a training on one core; ``--epochs 1
--trajectories 8`` for a look). Viscosity 1e-2, forcing at wavenumber 4, frames 0.125 apart, from turbulence that is
twenty time units old; solved on 128² points and given on 64². Each network is trained on single steps, then anew with
the pushforward trick of arXiv 2202.03376 over two steps, for as many passes over the data. Prints errors, correlation
times and spectra, and writes the comparison with coarser solvers beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
import trials
import xarray as xr
from torch import nn

import surrogate as sg

TEST = 6
STEPS = 50
RESOLUTION = 64
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "FNO": lambda: sg.models.FNO(1, 1, dim=2, n_modes=32, hidden_channels=24, periodic=True),
    "FactFormer": lambda: sg.models.FactFormer(1, 1, n_layers=2, head_channels=32, periodic=True),
}
OBJECTIVES: dict[str, Callable[[], Any]] = {
    "one step": sg.objectives.RelativeL2,
    "pushforward": lambda: sg.objectives.RelativeL2() + sg.objectives.Unrolled(2, pushforward=True),
}
SOLVERS = {(32, 8): "32², 8 steps a frame", (64, 8): "64², 8 steps a frame"}


def flow(resolution: int) -> sg.cases.Kolmogorov:
    """Return the case at this resolution."""
    initial = sg.solvers.initial.GaussianRandomField.kolmogorov(n_frequencies=32)
    times = {"dt": 0.125, "steps": 60, "warm_up": 20.0}
    return sg.cases.Kolmogorov(resolution=resolution, viscosity=1e-2, wavenumber=4, initial=initial, **times)


def prepared(options: argparse.Namespace) -> xr.DataTree:
    """Return the trajectories on the points of the networks, prepared."""
    fields = trials.truth(flow(2 * RESOLUTION), options.trajectories, options.folder / "data.h5")
    coarse = sg.datasets.resample(fields, flow(RESOLUTION).grid, method="spectral")
    split = (options.trajectories - 2 * TEST, TEST, TEST)
    return sg.prepare(coarse.astype("float32"), inputs=["vorticity"], outputs=["vorticity"], split=split)


def main() -> None:
    parser = trials.parser_for(__doc__, NETWORKS, epochs=8, seeds=1)
    parser.add_argument(
        "--trajectories", type=int, default=36, help="of 61 frames, with 6 to choose and 6 to test (36)"
    )
    parser.add_argument("--timing", type=float, default=60.0, help="seconds for all timings of the comparison (60)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    data = prepared(options)
    models: dict[str, list[sg.Surrogate]] = {}
    for name in options.only or NETWORKS:
        for how, objective in OBJECTIVES.items():
            label = f"{name}, {how}"
            for seed in range(options.seeds):
                folder = options.folder / f"{name}_{how.replace(' ', '_')}_{seed}"
                recipe = {"epochs": options.epochs, "batch_size": 8, "objective": objective()}
                untrained = trials.seeded(NETWORKS[name], seed)
                model = trials.train(untrained, data, folder, options, seed=seed, **recipe)
                models.setdefault(label, []).append(model)
                print(f"{label}, seed {seed}: {model.record['training_seconds']:.0f} s", flush=True)
    solvers = {name: flow(n).solver(n, substeps, torch.float32) for (n, substeps), name in SOLVERS.items()}
    test = data["test"].to_dataset()
    test.attrs.pop("case")  # with which the reference would be solved anew, at the resolution of these points
    report = sg.compare(models, test, solvers=solvers, steps=STEPS, device=options.device, time_budget=options.timing)
    print(report)
    report.save(options.folder / "report", overwrite=True)


if __name__ == "__main__":
    main()
