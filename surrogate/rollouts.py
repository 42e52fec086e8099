"""Rollout: apply a stepper again and again. The same function for solvers and for surrogates."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from jaxtyping import Int
from torch import Tensor

from surrogate.compute import check_device
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset
from surrogate.datasets.samples.normalizer import OutsideTrainingRange
from surrogate.datasets.samples.tensors import coordinates, field_attributes, to_fields
from surrogate.datasets.storage.store import read_store
from surrogate.datasets.storage.whole_files import refuse_existing
from surrogate.frames import InMemory, growing_file
from surrogate.initial_value import InitialValue, initial_value
from surrogate.march import March
from surrogate.operator import Operator, Stepper
from surrogate.request import describe_request
from surrogate.watch import NEVER

BATCH_BYTES = 64 * 2**20
#: Attributes of what is rolled out by a stepper that was made for a range of states.
OUTSIDE, SINCE = "fraction_outside_training_range", "first_time_outside_training_range"


def rollout(
    stepper: Stepper,
    fields: Fields,
    *,
    steps: int,
    every: int = 1,
    batch_size: int | None = None,
    device: str | torch.device | None = None,
    path: str | Path | None = None,
    overwrite: bool = False,
    keep_going: bool = False,
    compile: bool = False,
    progress: bool = True,
) -> xr.Dataset:
    r"""Predict :math:`u(t_0 + k\,\Delta t)` for :math:`k = 1, \dots,` ``steps``.

    Parameters
    ----------
    stepper
        A solver, a trained surrogate, or anything else that follows the protocol.
    fields
        Where to start: the first ``history`` frames, the static fields, the forcing and the parameters are read,
        never a later state. A state without a time axis starts at time 0.
    steps
        Number of steps of ``stepper.dt``.
    every
        Keep each ``every``-th frame.
    batch_size
        Number of samples advanced together; default: as many as make up 64 MiB of state. Where the memory of a GPU does
        not hold them it is halved.
    device
        Where to compute, such as ``"cuda"``; default: where the stepper is.
    path
        Stream the frames to this file instead of holding them in memory; the result is then read lazily from it. A
        rollout that was stopped, even killed, goes on from its last seconds when it is called again, and ends with the
        same bits; until then its frames lie in a hidden file beside ``path``.
    overwrite
        Replace ``path`` if it exists, and what another stopped rollout left beside it.
    keep_going
        Return what comes, even values that are not finite or that the solver knows to be wrong, instead of stopping
        there: `compare` counts how often that happens.
    compile
        Compile the step by ``torch.compile``, on a GPU to a CUDA graph. It pays for long rollouts of steps that are
        made of many small operations; the first step then takes seconds to minutes.
    progress
        Show a progress bar with the time left.

    Returns
    -------
    xarray.Dataset
        The predicted frames ``(sample, time, *space)`` only. For a surrogate the attributes
        ``fraction_outside_training_range`` (of the samples) and ``first_time_outside_training_range`` say whether kept
        frames from which it went on left the range of the training data.

    Raises
    ------
    InputError
        Fields that do not fit the stepper, no such device, a result that does not fit in memory, an existing path, or
        another rollout that was stopped on its way to it.
    NumericalFailure
        Values that are not finite, or that the solver knows to be wrong; names step, sample and field.

    Warns
    -----
    OutsideTrainingRange
        The given fields, or later the predicted ones, leave the range for which the stepper was made.

    Notes
    -----
    The host does not wait for a GPU at each step: faults are noted on the device and looked at once for some frames
    (64 of them, 8 MiB, or those of a second), which are copied to the host while the next ones are computed.
    """
    _check_request(stepper, steps, every, batch_size)
    if path is not None:
        refuse_existing(path, overwrite)
    dataset = as_dataset(fields)
    start = initial_value(stepper, dataset)
    _check_forcing(start, steps)
    stepper.warn_outside(start.state, start.parameters)
    size = batch_size or _fitting(start)
    if not keep_going:
        stepper.check_initial(start.state)
    march = March(stepper, start, steps, every, size, device, keep_going, compile, progress)
    frames = (start.samples, steps // every, len(stepper.out_fields), *start.state.shape[2:])
    time = start.start + stepper.dt * np.arange(every, steps + 1, every)
    if path is None:
        memory = InMemory(frames, stepper.dtype)
        left = march.run(memory)
        result = to_fields(memory.values, stepper.out_fields, dataset, time=time, attributes=stepper.attributes)
        return result.assign_attrs(provenance(stepper, dataset) | _departures(stepper, start, left))
    template = _template(stepper, dataset, time, frames)
    template.attrs |= _departures(stepper, start, None)
    where = stepper.device if device is None else check_device(device)
    settings = {"steps": steps, "every": every, "batch_size": size, "device": where, "compile": compile}
    request = describe_request(stepper, start, template, keep_going=keep_going, **settings)
    with growing_file(path, template, request, overwrite=overwrite) as file:
        left = march.run(file)
        file.note(_departures(stepper, start, left))
    return read_store(Path(path))


def provenance(operator: Operator, fields: xr.Dataset) -> dict[str, str]:
    """Return the attributes that say where fields made by ``operator`` from ``fields`` come from."""
    kept = ("equation", "case", "seed")
    attrs = {name: fields.attrs[name] for name in kept if name in fields.attrs}
    return {**attrs, "operator": type(operator).__name__}


def _check_request(stepper: Stepper, steps: int, every: int, batch_size: int | None) -> None:
    if not isinstance(stepper, Stepper):
        do = "Give a solver, or a surrogate trained on data with a time axis; use `predict` for steady maps."
        raise expected("a Stepper", type(stepper).__name__, do)
    if every < 1 or steps < every:
        raise expected("steps >= every >= 1", f"steps={steps}, every={every}", "Ask for at least one frame.")
    if batch_size is not None and batch_size < 1:
        raise expected("a batch_size of at least 1", batch_size, "Leave it out to have it chosen.")


def _check_forcing(start: InitialValue, steps: int) -> None:
    if start.forcing is not None and start.forcing.shape[1] < steps:
        raise expected(f"forcing for {steps} steps", start.forcing.shape[1], "Give more forcing or take fewer steps.")


def _fitting(start: InitialValue) -> int:
    return max(1, min(start.samples, BATCH_BYTES // (start.state[0].numel() * start.state.element_size())))


def _departures(stepper: Stepper, start: InitialValue, left: Int[Tensor, "sample channel"] | None) -> dict[str, float]:
    """Return which part of the samples left the range of the stepper, and when the first did; warn of that.

    Nothing where the stepper has no range; ``left`` None stands for not known yet.
    """
    given = stepper.outside(start.state)
    if given is None:
        return {}
    if left is None:
        return {OUTSIDE: math.nan, SINCE: math.nan}
    first, gone = int(left.min()), (left < NEVER).any(1).double().mean().item()
    since = math.nan if first == NEVER else start.start + first * stepper.dt
    if gone and not given.any():
        names = ", ".join(name for name, steps in zip(stepper.out_fields, left.T, strict=True) if (steps < NEVER).any())
        text = f"{names} leaves the training range at step {first} (time {since:.6g}), {gone:.0%} of the samples do so"
        warnings.warn(f"{text}: the prediction extrapolates.", OutsideTrainingRange, stacklevel=3)
    return {OUTSIDE: gone, SINCE: since}


def _template(stepper: Stepper, fields: xr.Dataset, time: np.ndarray, frames: tuple[int, ...]) -> xr.Dataset:
    """Return the shape of the result without its values."""
    samples, times, _, *space = frames
    numbers = np.broadcast_to(torch.empty((), dtype=stepper.dtype).numpy(), (samples, times, *space))
    dims = ("sample", "time", *stepper.domain.names)
    variables = {
        name: (dims, numbers, field_attributes(name, fields, stepper.attributes)) for name in stepper.out_fields
    }
    return xr.Dataset(variables, coords=coordinates(fields, time), attrs=provenance(stepper, fields))
