"""Does the attention matter here? Networks beside their twins with softmax attention and without any.

Run: ``python benchmarks/accuracy/attention.py FOLDER`` (``--problem darcy``; ``--seeds 3`` for the spread of seeds;
``--samples 60 --epochs 2`` in a minute). Twins share all weights of their network at the start, the data, and the order
of the batches; they differ in how points mix in the layers. "identity" leaves out all mixing there, so what it still
reaches is owed to the rest: the Galerkin and the Fourier transformer end in spectral convolutions, which alone mix all
points; in FactFormer only means over all points, in norms, are left. Burgers: from t = 0 to t = 1 at viscosity 0.01;
Darcy: permeability 12 and 3 to pressure. Prints the relative L2 error on the test part, its mean over the seeds and its
range, parameters, and seconds of training. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections.abc import Iterator
from typing import Any

import torch
import trials
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


def prepared(options: argparse.Namespace) -> xr.DataTree:
    """Return prepared data; a fifth is the test part, a tenth chooses the epoch."""
    problem, samples = options.problem, options.samples
    cases: dict[str, sg.cases.Case | sg.cases.SteadyCase] = {
        "burgers": sg.cases.Burgers(options.resolution, 0.01),
        "darcy": sg.cases.Darcy(options.resolution),
    }
    fields = trials.truth(cases[problem], samples, options.folder / f"{problem}_{options.resolution}_{samples}.h5")
    inputs, outputs = (["u"], ["u"]) if problem == "burgers" else (["permeability"], ["pressure"])
    split = (samples - samples // 5 - samples // 10, samples // 10, samples // 5)
    return sg.prepare(fields, inputs=inputs, outputs=outputs, split=split)


def trained(name: str, data: xr.DataTree, seed: int, options: argparse.Namespace) -> dict[str, sg.Surrogate]:
    """Return the network and its twins, trained from the same weights."""
    torch.manual_seed(seed)
    kind, arguments = NETWORKS[name]
    twins = sg.models.attention_twins(kind.for_data(data, **arguments))
    # twins of two networks of a class can be the same network: then it is trained once
    run = f"{options.problem}_{options.resolution}_{options.samples}_{options.epochs}_{kind.__name__}"
    recipe = {"epochs": options.epochs, "batch_size": options.batch_size}
    return {
        attention: trials.train(
            network, data, options.folder / f"{run}_{attention}_{seed}", options, seed=seed, **recipe
        )
        for attention, network in twins.items()
    }


def rows(options: argparse.Namespace) -> Iterator[list[str]]:
    """Return the lines of the table."""
    data = prepared(options)
    test = data["test"].to_dataset()
    for name in options.only or NETWORKS:
        runs = [trained(name, data, seed, options) for seed in range(options.seeds)]
        for attention in runs[0]:
            models = [run[attention] for run in runs]
            errors = trials.percent(trials.mean_error(model, test) for model in models)
            seconds = statistics.mean(model.record["training_seconds"] for model in models)
            print(name, attention, errors, flush=True)
            yield [name, attention, errors, trials.parameters(models[0].network), f"{seconds:.0f} s"]


def main() -> None:
    parser = trials.parser_for(__doc__, NETWORKS, epochs=30, seeds=1)
    parser.add_argument("--problem", choices=RESOLUTION, default="burgers")
    parser.add_argument("--resolution", type=int, help="points along an axis (256 and 32)")
    parser.add_argument("--samples", type=int, default=300, help="7 of 10 of them to train on (300)")
    parser.add_argument("--batch-size", type=int, default=8, help="samples in a step (8)")
    options = parser.parse_args()
    options.resolution = options.resolution or RESOLUTION[options.problem]
    warnings.simplefilter("ignore", sg.datasets.OutsideTrainingRange)
    options.folder.mkdir(parents=True, exist_ok=True)
    head = ["", "attention", "error on the test part", "parameters", "a training"]
    trials.write_table(options.folder / f"table_{options.problem}.md", head, rows(options))


if __name__ == "__main__":
    main()
