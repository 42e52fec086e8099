"""surrogate demo."""

from __future__ import annotations

import json
from pathlib import Path

import xarray as xr
from rich.console import Console

from surrogate.cases.burgers import Burgers
from surrogate.cases.case import Case
from surrogate.datasets.errors import expected
from surrogate.datasets.opening import open_dataset
from surrogate.datasets.preparation import prepare
from surrogate.evaluation.comparison import compare
from surrogate.evaluation.field_errors import relative_error
from surrogate.generation import generate
from surrogate.models import GalerkinTransformer
from surrogate.prediction import predict
from surrogate.training.fitting import fit
from surrogate.training.surrogate import Surrogate

CASE = Burgers(resolution=128, viscosity=0.01, dt=0.1, steps=10)


def demo(path: str = "demo", *, samples: int = 320, epochs: int = 8, seed: int = 0) -> None:
    """Solve 1-D viscous Burgers, train a Galerkin transformer on it, compare it with solvers at equal accuracy.

    Writes burgers.h5, training/, report.html and its figures. Run again, it goes on from where it stopped.

    Args:
        path: Folder to write to.
        samples: Number of trajectories, of which 80 % are trained on.
        epochs: Passes over the training part.
        seed: Seed of initial data and training.
    """
    console, folder = Console(), Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    console.print(f"[bold]1. Truth[/bold]: {CASE.equation}, {samples} random initial states")
    fields = _truth(CASE, folder / "burgers.h5", samples, seed)
    data = prepare(fields, inputs=["u"], outputs=["u"])
    console.print(f"[bold]2. Training[/bold]: Galerkin transformer, {epochs} epochs")
    model = _train(data, folder / "training", epochs, seed)
    first_step = float(relative_error(predict(model, data["test"]), data["test"]).mean())
    console.print(f"One-step relative L2 error on held-out initial data: [bold]{100 * first_step:.2f} %[/bold]")
    console.print("[bold]3. Comparison[/bold] with the truth and with coarse solvers, at equal accuracy")
    comparison = compare({"Galerkin transformer": model}, data["test"], case=CASE, time_budget=60.0)
    console.print(comparison.table())
    comparison.save(folder, overwrite=True)
    console.print(f"Open [bold]{folder / 'report.html'}[/bold].")


def _truth(case: Case, file: Path, samples: int, seed: int) -> xr.Dataset:
    if not file.exists():
        return generate(case, samples, file, seed=seed)
    fields = open_dataset(file)
    same = fields.attrs.get("case") == json.dumps(case.settings, sort_keys=True) and fields.attrs.get("seed") == seed
    if not same or fields.sizes["sample"] != samples:
        raise expected(f"this demo's data in {str(file)!r}", "others", "Choose another --path, or delete the folder.")
    return fields


def _train(data: xr.DataTree, folder: Path, epochs: int, seed: int) -> Surrogate:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = GalerkinTransformer.for_data(data, hidden_channels=64)
    return fit(network, data, path=folder, epochs=epochs, batch_size=32, seed=seed)
