"""surrogate demo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import surrogate as sg
from surrogate.cli.screen import screen
from surrogate.datasets.errors import expected

if TYPE_CHECKING:
    import xarray as xr

CASE: dict[str, Any] = {"resolution": 128, "viscosity": 0.01, "dt": 0.1, "steps": 10}


def demo(
    path: str = "demo", *, samples: int = 320, epochs: int = 16, seed: int = 0, timing_seconds: float = 60.0
) -> None:
    """Solve 1-D viscous Burgers, train a Galerkin transformer on it, compare it with solvers at equal accuracy.

    Example: surrogate demo

    Writes burgers.h5, training/, report.html and its figures. Run again, it goes on from where it stopped.

    Args:
        path: Folder to write to.
        samples: Number of trajectories, of which 80 % are trained on.
        epochs: Passes over the training part.
        seed: Seed of initial data and training.
        timing_seconds: Time for measuring how fast surrogate and solvers are.
    """
    console, folder, case = screen(), Path(path), sg.cases.Burgers(**CASE)
    folder.mkdir(parents=True, exist_ok=True)
    console.print(f"[bold]1. Truth[/bold]: {case.equation}, {samples} random initial states")
    fields = _truth(case, folder / "burgers.h5", samples, seed)
    data = sg.prepare(fields, inputs=["u"], outputs=["u"])
    console.print(f"[bold]2. Training[/bold]: Galerkin transformer, {epochs} epochs")
    model = _train(data, folder / "training", epochs, seed)
    first_step = float(sg.relative_error(sg.predict(model, data["test"]), data["test"]).mean())
    console.print(f"One-step relative L2 error on held-out initial data: [bold]{100 * first_step:.2f} %[/bold]")
    console.print("[bold]3. Comparison[/bold] with the truth and with coarse solvers, at equal accuracy")
    comparison = sg.compare({"Galerkin transformer": model}, data["test"], case=case, time_budget=timing_seconds)
    console.print(comparison)
    comparison.save(folder, overwrite=True)
    console.print(f"Open [bold]{folder / 'report.html'}[/bold].")


def _truth(case: sg.cases.Case, file: Path, samples: int, seed: int) -> xr.Dataset:
    if not file.exists():
        return sg.generate(case, samples, file, seed=seed)
    fields = sg.open_dataset(file)
    same = fields.attrs.get("case") == json.dumps(case.settings, sort_keys=True) and fields.attrs.get("seed") == seed
    if not same or fields.sizes["sample"] != samples:
        raise expected(f"this demo's data in {str(file)!r}", "others", "Choose another --path, or delete the folder.")
    return fields


def _train(data: xr.DataTree, folder: Path, epochs: int, seed: int) -> sg.Surrogate:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = sg.models.GalerkinTransformer.for_data(data, hidden_channels=64)
    return sg.fit(network, data, path=folder, epochs=epochs, batch_size=32, seed=seed)
