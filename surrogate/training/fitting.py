"""Train a network on prepared data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
import xarray as xr
from torch import nn

from surrogate.compute import cast_floating, computing
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import as_dataset
from surrogate.datasets.samples.ragged import select_samples
from surrogate.datasets.samples.signature import Signature
from surrogate.datasets.samples.splits import refuse_overlap
from surrogate.datasets.samples.training_data import training_samples
from surrogate.datasets.samples.windows import require_frames
from surrogate.training.assembly import assemble
from surrogate.training.averaging import EMA
from surrogate.training.callbacks import Patience
from surrogate.training.closed_form import ClosedForm, solve
from surrogate.training.corrected import Corrected, fit_corrected_normalizers
from surrogate.training.engine import Engine, check_options
from surrogate.training.loaders import make_loaders
from surrogate.training.manifest import load
from surrogate.training.module import TrainingModule
from surrogate.training.objectives.objective import TrainingObjective
from surrogate.training.objectives.one_step import Loss, training_objective
from surrogate.training.objectives.relative_l2 import RelativeL2
from surrogate.training.optimizer import OneCycleAdamW
from surrogate.training.recomputing import recomputing
from surrogate.training.record import MODEL, check_same_run, make_record, run_folder
from surrogate.training.surrogate import Surrogate, fit_normalizers


def fit(
    network: nn.Module,
    data: xr.DataTree,
    *,
    path: str | Path | None = None,
    epochs: int = 100,
    batch_size: int = 16,
    objective: Loss | TrainingObjective | None = None,
    optimizer: OneCycleAdamW | None = None,
    averaging: EMA | None = None,
    normalize: Literal["field", "point"] = "field",
    patience: int | None = None,
    seed: int = 0,
    check: bool = True,
    gradient_checkpointing: bool = False,
    devices: int | str = "auto",
    precision: Any = "32-true",
    trainer: Mapping[str, Any] | None = None,
    callbacks: Sequence[lightning.Callback] = (),
    logger: Any = False,
) -> Surrogate:
    """Train ``network`` and return it as a surrogate with the weights of its best epoch on the validation part.

    Parameters
    ----------
    network
        One of `surrogate.models` or `surrogate.forecasters`, a `Corrected` solver, or any ``nn.Module`` on ``(batch,
        channel, *space)``; for
        data on meshes one on `Points`: ``network(functions, coordinates=points, parameters=None)``. One that has a
        closed form (`Ridge`) is solved for: then epochs, optimizer and objective do not matter.
    data
        What `prepare` returned. The test part is not looked at.
    path
        Folder for checkpoint, ``log.csv``, ``loss.png`` and ``surrogate.safetensors``. A training that was
        stopped, even killed, goes on from its last epoch and ends with the same bits; a finished one is read back.
    epochs
        Passes over the training part.
    batch_size
        Samples (or windows) per step, of all devices together.
    objective
        The loss in physical units, from `surrogate.objectives`: of one prediction, or of several steps
        (``Unrolled(steps=4)``), with noise, on coarser grids; default: relative L2.
    optimizer
        Learning rate and its schedule; default: ``OneCycleAdamW()``.
    averaging
        ``EMA(decay=0.999)``: validate, and return, an average of the weights over the steps; default: none.
    normalize
        ``"field"``: one mean and deviation for each field, at any resolution; ``"point"``: for each of its grid points,
        for fields with a mean profile, at the training resolution only.
    patience
        Stop after this many epochs without improvement on the validation part; default: never.
    seed
        Decides order of samples and dropout. The weights at the start are those of ``network``.
    check
        Before a training of more than a few hundred steps, look in seconds whether every part of the network is alive
        and whether it can learn two samples by heart; `FailedCheck` says what was seen, and so does
        ``record["check"]``. The training is the same with and without.
    gradient_checkpointing
        Keep of each block of the network only what enters it, and compute the rest again in the backward pass: less
        memory, about a third more time, the same gradients.
    devices, precision
        As Lightning takes them: number or list of devices, ``"32-true"``, ``"bf16-mixed"``, ``"64-true"``.
    trainer
        Further arguments of ``lightning.Trainer``, such as ``{"accelerator": "cpu"}``.
    callbacks, logger
        Handed to Lightning.

    Returns
    -------
    Surrogate
        In evaluation mode on the CPU.

    Raises
    ------
    InputError
        Data that were not prepared, without a validation part, or that do not fit the network or the objective; a
        folder that holds another training; a network without gradients.
    NumericalFailure
        The loss is not finite; names the step, or the validation loss never is.
    """
    if epochs < 1 or batch_size < 1:
        raise expected("epochs and batch_size of at least 1", (epochs, batch_size), "Correct them.")
    check_options(trainer or {})
    signature, training, validation = _parts(data)
    objective, optimizer = objective or RelativeL2(), optimizer or OneCycleAdamW()
    dtype = _floating(precision)
    model = _untrained(network, signature, training, dtype, per_point=normalize == "point")
    goal = training_objective(objective)
    frames = max(goal.frames(signature), signature.horizon)
    for part in (training, validation):
        require_frames(part, signature, frames)
    _try_one_batch(model, training, goal, frames)
    settings = {"epochs": epochs, "batch_size": batch_size, "objective": _words(objective)}
    settings |= {
        "optimizer": _words(optimizer),
        "averaging": _words(averaging),
        "normalize": normalize,
        "patience": patience,
        "seed": seed,
        "precision": precision,
    }
    record = make_record(model, training, validation, settings)
    with run_folder(path) as folder:
        if check_same_run(folder, record):
            finished = load(folder / MODEL, network=network)
            assert isinstance(finished, Surrogate)
            return finished
        if isinstance(network, ClosedForm):
            model.record = {**record, **solve(model, training, validation, batch_size)}
            model.cpu().eval().save(folder / MODEL)
            return model
        options = {"max_epochs": epochs, "devices": devices, "precision": precision, "logger": logger}
        options |= {"gradient_clip_val": optimizer.gradient_clip, **(trainer or {})}
        stop = [] if patience is None else [Patience(patience)]
        engine = Engine(folder, seed=seed, averaging=averaging, callbacks=[*stop, *callbacks], options=options)
        samples = (training_samples(part, signature, dtype, frames) for part in (training, validation))
        loaders = make_loaders(*samples, batch_size=batch_size, seed=seed, processes=engine.processes)
        module = TrainingModule(model, goal, optimizer)
        with recomputing(network, gradient_checkpointing):
            report = engine.check(module, loaders, epochs) if check else {"skipped": "check=False"}
            outcome = {"check": report, **engine.fit(module, loaders)}
        model.record = {**record, **outcome}
        model = model.cpu().eval()
        if engine.is_first:
            engine.plot()
            model.save(folder / MODEL)
    return model


def _untrained(
    network: nn.Module, signature: Signature, training: xr.Dataset, dtype: torch.dtype, *, per_point: bool
) -> Surrogate:
    if not network.training:
        network.train()  # Lightning trains in the mode that it finds
    if isinstance(network, Corrected):
        if per_point:
            raise expected("normalize='field' for a corrected solver", "'point'", "Leave it out.")
        network.solver.train()  # an earlier training may have left it in evaluation mode
        cast_floating(network.network, dtype)
        normalizers = fit_corrected_normalizers(network.solver, training, signature, dtype)
    else:
        cast_floating(network, dtype)
        normalizers = fit_normalizers(training, signature, dtype, per_point=per_point)
    return assemble(
        network,
        signature,
        normalizers,
        attributes={name: _attributes(training[name]) for name in signature.out_fields},
    )


def _parts(data: xr.DataTree) -> tuple[Signature, xr.Dataset, xr.Dataset]:
    if not isinstance(data, xr.DataTree) or not {"train", "validation"} <= set(data.children):
        raise expected("the tree from `prepare`", type(data).__name__, "Call `prepare(fields, inputs=, outputs=)`.")
    training, validation = as_dataset(data["train"]), as_dataset(data["validation"])
    if not validation.sizes["sample"] or not validation.sizes.get("time", 1):
        do = 'Choose a `split` with a validation part; series can be prepared with split_by="time".'
        raise expected("at least one validation sample", 0, do)
    signature = Signature.from_data(data)
    if training.attrs.get("split_by") == "time":
        refuse_overlap(training, validation, signature.history)
    return signature, training, validation


def _words(thing: object) -> str:
    """Return its text without the address in memory, which differs from process to process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(thing))


def _attributes(variable: xr.DataArray) -> dict[str, str]:
    return {key: str(variable.attrs[key]) for key in ("units", "long_name") if key in variable.attrs}


def _try_one_batch(model: Surrogate, training: xr.Dataset, objective: TrainingObjective, frames: int) -> None:
    """Fail in the first second, with words, if network, data and objective do not fit."""
    signature = model.signature
    few = select_samples(training, slice(1))
    few = few.isel(time=slice(signature.history + frames)) if signature.dt else few
    batch = training_samples(few, signature, model.dtype, frames).__getitems__([0])
    module = TrainingModule(model, objective, OneCycleAdamW())
    do = f"The data give {signature.in_channels} channels and want {signature.out_channels}: see `for_data`."
    with computing(model):
        try:
            prediction = module.predict(batch)
        except (RuntimeError, TypeError, IndexError, AttributeError) as error:
            raise expected("a network that fits the data", str(error).splitlines()[0], do) from error
        wanted = batch["y"][:, : signature.out_channels].shape
        if prediction.shape != wanted:
            got = f"output of shape {tuple(prediction.shape)} for {tuple(wanted)}"
            raise expected("a network that fits the data", got, do)
        objective.check(model, batch)
        losses = module.losses(batch, validating=True)
    if losses.shape != (1,):
        raise expected("one loss per sample", f"shape {tuple(losses.shape)}", "Correct the objective.")


def _floating(precision: Any) -> torch.dtype:
    return torch.float64 if str(precision).startswith("64") else torch.float32
