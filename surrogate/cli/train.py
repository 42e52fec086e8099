"""surrogate train."""

from __future__ import annotations

from typing import Any, Literal

from rich import print as show

import surrogate as sg
from surrogate.cli.parts import Models, Split, choose_fields


def train(
    data: str,
    path: str,
    *,
    inputs: list[str] | None = None,
    outputs: list[str] | None = None,
    network: Models = "GalerkinTransformer",
    network_options: dict[str, Any] | None = None,
    history: int = 1,
    horizon: int = 1,
    split: Split = (0.8, 0.1, 0.1),
    objective: Literal["relative_l2", "h1"] = "relative_l2",
    epochs: int = 50,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    ema_decay: float | None = None,
    normalize: Literal["field", "point"] = "field",
    patience: int | None = None,
    seed: int = 0,
    check: bool = True,
    gradient_checkpointing: bool = False,
    devices: str = "auto",
    precision: str = "32-true",
) -> None:
    """Train a network; run the same command again after a stop and it goes on.

    Example: surrogate train burgers.h5 runs/burgers --network FNO --network_options '{"hidden_channels": 32}'

    Args:
        data: File with the fields.
        path: Folder for the trained surrogate (surrogate.safetensors), the log and the loss plot.
        inputs: Fields that enter; default: all.
        outputs: Fields that leave; default: those with a time axis.
        network: Which network.
        network_options: Its options, as JSON; sizes are read from the data.
        history: Frames a stepper takes.
        horizon: Frames a stepper gives.
        split: Fractions, or counts, of samples for training, validation and test.
        objective: The loss, in physical units.
        epochs: Passes over the training part.
        batch_size: Windows per step.
        learning_rate: Its maximum over the one cycle.
        ema_decay: Validate and keep an average of the weights with this decay, such as 0.999; default: none.
        normalize: By one mean and deviation for each field, or for each of its grid points.
        patience: Stop after so many epochs without improvement; default: never.
        seed: Decides the first weights, the order of samples and dropout.
        check: Look for dead parts of the network before a long training.
        gradient_checkpointing: Less memory, more time, the same gradients.
        devices: As Lightning takes them.
        precision: As Lightning takes it: 32-true, bf16-mixed, 64-true.
    """
    import torch

    fields = sg.open_dataset(data)
    entering, leaving = choose_fields(fields, inputs, outputs)
    parts = sg.prepare(fields, inputs=entering, outputs=leaving, history=history, horizon=horizon, split=split)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        built = getattr(sg.models, network).for_data(parts, **(network_options or {}))
    model = sg.fit(
        built,
        parts,
        path=path,
        epochs=epochs,
        batch_size=batch_size,
        objective=sg.objectives.H1() if objective == "h1" else sg.objectives.RelativeL2(),
        optimizer=sg.OneCycleAdamW(learning_rate=learning_rate),
        averaging=None if ema_decay is None else sg.EMA(ema_decay),
        normalize=normalize,
        patience=patience,
        seed=seed,
        check=check,
        gradient_checkpointing=gradient_checkpointing,
        devices=devices,
        precision=precision,
    )
    record = model.record
    show(
        f"[bold]{path}/surrogate.safetensors[/bold]: validation loss {record['validation_loss']:.3e} "
        f"(epoch {record['best_epoch'] + 1} of {record['epochs_done']}), {record['training_seconds']:.0f} s"
    )
