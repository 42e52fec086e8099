"""surrogate compare."""

from __future__ import annotations

from pathlib import Path

import surrogate as sg
from surrogate.cli.parts import Part, Split, choose_part
from surrogate.cli.screen import screen
from surrogate.datasets.storage.whole_files import refuse_existing


def compare(
    models: list[str],
    truth: str,
    path: str,
    *,
    part: Part = "test",
    split: Split = (0.8, 0.1, 0.1),
    device: str | None = None,
    timing_seconds: float = 60.0,
    overwrite: bool = False,
) -> None:
    """Compare surrogates with the truth, with baselines and, for generated data, with solvers at equal accuracy.

    Example: surrogate compare '[runs/a/surrogate.safetensors]' burgers.h5 report

    Args:
        models: Files of trained surrogates, as a list.
        truth: File with the true fields.
        path: Folder for report.html, the figures and report.json.
        part: Which samples: all, or one part of the split.
        split: The split that the training used.
        device: Where all members compute, such as cuda; default: the CPU.
        timing_seconds: Time for measuring how fast all members are.
        overwrite: Replace the folder's report if there is one.
    """
    refuse_existing(path, overwrite)
    surrogates = {_label(model): sg.load(model) for model in models}
    fields = choose_part(sg.open_dataset(truth), next(iter(surrogates.values())), part, split)
    comparison = sg.compare(surrogates, fields, device=device, time_budget=timing_seconds)
    console = screen()
    console.print(comparison)
    comparison.save(path, overwrite=overwrite)
    console.print(f"[bold]{path}/report.html[/bold]")


def _label(path: str) -> str:
    """Return the folder's name for runs/NAME/surrogate.safetensors, else the file's."""
    file = Path(path)
    return file.parent.name if file.stem == "surrogate" and file.parent.name else file.stem
