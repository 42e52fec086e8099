"""Networks on grids on two-phase Darcy flow: at equal numbers of parameters and at equal time of training.

Run: ``python benchmarks/accuracy/darcy.py FOLDER`` (ten minutes for a training on one core; ``--minutes 1`` for a
look). Permeability 12 and 3 on 64² cells, as in arXiv 2010.08895 but for the size; data by our finite volumes. Every
network has about 570,000 parameters and as many epochs as fit into ``--minutes`` of CPU time, measured before with a
few of its own steps. The test samples are solved on twice and four times as many points along each axis, too: the
columns of super-resolution. Prints the table, and writes the comparison with solvers of all speeds beside it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import torch
import trials
import xarray as xr
from torch import nn

import surrogate as sg

SPLIT = (500, 60, 60)
BATCH = 4
STEPS = 6  # that are timed before a training
COARSE = 32  # points along an axis that the attention of the Galerkin transformer sees
DECODER = {"decoder_channels": 18, "coordinates_in_decoder": True}
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "FNO": lambda: sg.models.FNO(1, 1, dim=2, n_modes=16, hidden_channels=22),
    "Galerkin": lambda: sg.models.GalerkinTransformer(
        1, 1, dim=2, hidden_channels=64, n_heads=4, n_frequencies=8, coarse_shape=COARSE, options=DECODER
    ),
    "FactFormer": lambda: sg.models.FactFormer(
        1, 1, n_layers=3, n_heads=6, latent_steps=0, options={"convolution_branch": True}
    ),
    "IFactFormer-m": lambda: sg.models.IFactFormer(1, 1, n_heads=14, n_iterations=4),
    "IFactFormer-o": lambda: sg.models.IFactFormer(1, 1, n_heads=16, n_iterations=4, parallel=False),
    "MgNO": lambda: sg.models.MgNO.published("darcy"),
    "FFNO": lambda: sg.models.FFNO(1, 1, dim=2, n_modes=16, hidden_channels=56),
    "UNO": lambda: sg.models.UNO(1, 1, dim=2, n_modes=8, hidden_channels=19),
    "U-Net": lambda: sg.models.UNet(1, 1, dim=2, hidden_channels=4),
    "DeepONet": lambda: sg.models.DeepONet(1, 1, dim=2, resolution=(64, 64), hidden_channels=80),
}


def prepared(options: argparse.Namespace) -> tuple[xr.DataTree, dict[int, xr.Dataset]]:
    """Return the prepared data, and the test samples at the resolution of training and at finer ones."""
    case = sg.cases.Darcy(options.resolution)
    fields = trials.truth(case, sum(SPLIT), options.folder / "data.h5")
    data = sg.prepare(fields, inputs=["permeability"], outputs=["pressure"], split=SPLIT)
    tests = {options.resolution: data["test"].to_dataset()}
    indices = tests[options.resolution]["sample"].values.tolist()
    for factor in (2, 4):
        fine = sg.cases.Darcy(factor * options.resolution)
        path = options.folder / f"data_{fine.resolution}.h5"
        if not path.exists():
            sg.save_dataset(fine.solve(fine.inputs(indices, seed=0)), path)
        tests[fine.resolution] = sg.open_dataset(path)
    return data, tests


def epochs_within(name: str, options: argparse.Namespace) -> int:
    """Return how many epochs fit into ``--minutes`` of CPU time; what was measured first counts when a run goes on."""
    path = options.folder / f"{name}_epochs.json"
    if not path.exists():
        path.write_text(json.dumps(max(1, round(60 * options.minutes / epoch_seconds(name, options.resolution)))))
    return int(json.loads(path.read_text()))


def epoch_seconds(name: str, resolution: int) -> float:
    """Return the CPU time of an epoch, from a few steps."""
    network, x = NETWORKS[name](), torch.randn(BATCH, 1, resolution, resolution)
    optimizer = torch.optim.AdamW(network.parameters())
    for step in range(STEPS + 1):
        if step == 1:
            began = time.process_time()
        optimizer.zero_grad()
        network(x).square().mean().backward()
        optimizer.step()
    return (time.process_time() - began) / STEPS * SPLIT[0] / BATCH


def main() -> None:
    parser = trials.parser_for(__doc__, NETWORKS, epochs=0, seeds=1)
    parser.add_argument("--minutes", type=float, default=8.0, help="CPU time of a training, without --epochs (8)")
    parser.add_argument("--resolution", type=int, default=64, help="points along each axis (64)")
    parser.add_argument("--timing", type=float, default=60.0, help="seconds for all timings of the comparison (60)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    data, tests = prepared(options)
    names = options.only or list(NETWORKS)
    rows, models = [], {}
    for name in names:
        build = NETWORKS[name]
        recipe = {"epochs": options.epochs or epochs_within(name, options), "batch_size": BATCH}
        folders = [options.folder / f"{name}_{seed}" for seed in range(options.seeds)]
        trained = [
            trials.train(trials.seeded(build, seed), data, folder, options, seed=seed, **recipe)
            for seed, folder in enumerate(folders)
        ]
        errors = [[trials.mean_error(model, fields) for model in trained] for fields in tests.values()]
        minutes = trained[0].record["training_seconds"] / 60
        models[name] = trained[0]
        rows.append(
            [
                name,
                trials.parameters(build()),
                f"{recipe['epochs']}",
                f"{minutes:.1f} min",
                *map(trials.percent, errors),
            ]
        )
        print(*rows[-1], flush=True)
    head = ["", "parameters", "epochs", "a training", *(f"error at {n}²" for n in tests)]
    trials.write_table(options.folder / "table.md", head, rows)
    case = sg.cases.Darcy(options.resolution)
    report = sg.compare(models, data["test"], case=case, device=options.device, time_budget=options.timing)
    print(report)
    report.save(options.folder / "report", overwrite=True)


if __name__ == "__main__":
    main()
