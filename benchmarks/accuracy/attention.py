"""Does the attention matter here? Networks beside their twins with softmax attention and without any.

Run: ``python benchmarks/accuracy/attention.py FOLDER`` (``--problem darcy``; ``--seeds 3`` for the spread of seeds;
``--samples 60 --epochs 2`` in a minute). Twins share all weights of their network at the start, the data, and the order
of the batches; they differ in how points mix in the layers. "identity" leaves out all mixing there, so what it still
reaches is owed to the rest: the Galerkin and the Fourier transformer end in spectral convolutions, which alone mix all
points; in FactFormer only means over all points, in norms, are left. Burgers: from t = 0 to t = 1 at viscosity 0.01; Darcy: permeability 12
and 3 to pressure. Prints the relative L2 error on the test part, its mean over the seeds and its range, parameters, and
seconds of training. Data and trainings are kept in FOLDER: a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from pathlib import Path
from typing import Any

import torch
import xarray as xr

import surrogate as sg

NETWORKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "galerkin": (sg.models.GalerkinTransformer, {"hidden_channels": 48, "n_layers": 4, "n_heads": 2}),
    "fourier": (
        sg.models.GalerkinTransformer,
        {"hidden_channels": 48, "n_layers": 4, "n_heads": 2, "attention": "fourier"},
    ),
    "factformer": (
        sg.models.FactFormer,
        {"hidden_channels": 48, "n_layers": 4, "n_heads": 4, "head_channels": 16, "latent_steps": 0},
    ),
}
RESOLUTION = {"burgers": 256, "darcy": 32}


def truth(folder: Path, problem: str, resolution: int, samples: int) -> xr.DataTree:
    """Return prepared data, from the folder if they are there; a fifth is the test part, a tenth chooses the epoch."""
    cases: dict[str, sg.cases.Case | sg.cases.SteadyCase] = {
        "burgers": sg.cases.Burgers(resolution, 0.01),
        "darcy": sg.cases.Darcy(resolution),
    }
    path = folder / f"{problem}_{resolution}_{samples}.h5"
    fields = sg.open_dataset(path) if path.exists() else sg.generate(cases[problem], samples, path)
    inputs, outputs = (["u"], ["u"]) if problem == "burgers" else (["permeability"], ["pressure"])
    split = (samples - samples // 5 - samples // 10, samples // 10, samples // 5)
    return sg.prepare(fields, inputs=inputs, outputs=outputs, split=split)


def trained(name: str, data: xr.DataTree, seed: int, options: argparse.Namespace) -> dict[str, sg.Surrogate]:
    """Return the network and its twins, trained from the same weights."""
    torch.manual_seed(seed)
    kind, arguments = NETWORKS[name]
    twins = sg.models.attention_twins(kind.for_data(data, **arguments))
    models = {}
    for attention, network in twins.items():
        # twins of two networks of a class can be the same network: then it is trained once
        run = f"{options.problem}_{options.resolution}_{options.samples}_{options.epochs}_{options.batch_size}"
        run += f"_{kind.__name__}_{attention}_{seed}"
        models[attention] = sg.fit(
            network,
            data,
            path=options.folder / run,
            epochs=options.epochs,
            batch_size=options.batch_size,
            seed=seed,
            devices=1,
            trainer={"accelerator": "gpu" if options.device == "cuda" else "cpu"},
        )
    return models


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--problem", choices=RESOLUTION, default="burgers")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--resolution", type=int, help="points along an axis (default: 256 and 32)")
    parser.add_argument("--samples", type=int, default=300, help="7 of 10 of them to train on")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    options.resolution = options.resolution or RESOLUTION[options.problem]
    warnings.simplefilter("ignore", sg.datasets.OutsideTrainingRange)
    options.folder.mkdir(parents=True, exist_ok=True)
    data = truth(options.folder, options.problem, options.resolution, options.samples)
    test = data["test"].to_dataset()
    print(
        f"{options.problem}, {options.resolution} points along an axis, {data['train'].sizes['sample']} samples, "
        f"{options.epochs} epochs, batch {options.batch_size}, {options.seeds} seeds; torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, {platform.machine()}, {time.strftime('%Y-%m-%d')}"
    )
    print("| network | attention | relative L2, mean over seeds (range) | parameters | seconds of training |")
    print("|---|---|---|---|---|")
    for name in options.networks:
        runs = [trained(name, data, seed, options) for seed in range(options.seeds)]
        for attention in runs[0]:
            models = [run[attention] for run in runs]
            errors = [float(sg.relative_error(model.predict(test), test).mean()) for model in models]
            seconds = sum(model.record["training_seconds"] for model in models) / len(models)
            count = sum(parameter.numel() for parameter in models[0].network.parameters())
            spread = f"{sum(errors) / len(errors):.2%} ({min(errors):.2%} to {max(errors):.2%})"
            print(f"| {name} | {attention} | {spread} | {count:,} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
