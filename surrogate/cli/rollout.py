"""surrogate rollout."""

from __future__ import annotations

from rich import print as show

import surrogate as sg
from surrogate.cli.parts import Part, Split, choose_part
from surrogate.datasets.errors import expected


def rollout(
    model: str,
    data: str,
    path: str,
    steps: int = 10,
    *,
    every: int = 1,
    part: Part = "test",
    split: Split = (0.8, 0.1, 0.1),
    batch_size: int | None = None,
    device: str | None = None,
    overwrite: bool = False,
) -> None:
    """Roll a surrogate out; the frames are streamed to the file.

    If it is stopped, even killed, the same command goes on where it was and ends with the same file. The frames so far
    lie hidden beside it; another command for the same file is refused, or begins anew with --overwrite.

    Example: surrogate rollout runs/burgers/surrogate.safetensors burgers.h5 prediction.h5 --steps 20

    Args:
        model: File of the trained surrogate.
        data: File with the initial states.
        path: File to write (.h5).
        steps: Number of steps.
        every: Keep each so-many-th frame.
        part: Which samples: all, or one part of the split.
        split: The split that the training used.
        batch_size: Samples advanced together; default: chosen by size.
        device: Where to compute, such as cuda; default: the CPU.
        overwrite: Replace the file if it exists, and what another command left unfinished beside it.
    """
    stepper = sg.load(model)
    if not isinstance(stepper, sg.Stepper):
        raise expected("a surrogate that steps in time", "one of a steady map", "Use its `predict` in Python.")
    start = choose_part(sg.open_dataset(data), stepper, part, split)
    fields = sg.rollout(
        stepper, start, steps=steps, every=every, batch_size=batch_size, device=device, path=path, overwrite=overwrite
    )
    show(f"[bold]{path}[/bold]: " + ", ".join(f"{name} {size}" for name, size in fields.sizes.items()))
