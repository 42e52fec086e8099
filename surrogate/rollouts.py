"""Rollout: apply a stepper again and again. The same function for solvers and for surrogates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.compute import computing
from surrogate.datasets.errors import NumericalFailure, expected
from surrogate.datasets.fields import Fields, as_dataset
from surrogate.datasets.store import read_store, refuse_existing
from surrogate.datasets.tensors import coordinates, field_attributes, to_fields
from surrogate.frames import FrameSink, InMemory, growing_file
from surrogate.initial_value import InitialValue, initial_value
from surrogate.operator import Operator, Stepper, finite
from surrogate.progress import progress_bar

BATCH_BYTES = 64 * 2**20


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
        Number of samples advanced together; default: as many as make up 64 MiB of state.
    device
        Where to compute, such as ``"cuda"``; default: where the stepper is.
    path
        Stream the frames to this file instead of holding them in memory; the result is then read lazily from it.
    overwrite
        Replace ``path`` if it exists.
    keep_going
        Return what comes, even values that are not finite or that the solver knows to be wrong, instead of stopping
        there: `compare` counts how often that happens.
    progress
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        The predicted frames ``(sample, time, *space)`` only.

    Raises
    ------
    InputError
        Fields that do not fit the stepper, no such device, a result that does not fit in memory, an existing path.
    NumericalFailure
        Values that are not finite, or that the solver knows to be wrong; names step, sample and field.
    """
    _check_request(stepper, steps, every, batch_size)
    if path is not None:
        refuse_existing(path, overwrite)
    dataset = as_dataset(fields)
    start = initial_value(stepper, dataset)
    _check_forcing(start, steps)
    stepper.warn_outside(start.state, start.parameters)
    if not keep_going:
        stepper.check_initial(start.state)
    march = _March(stepper, start, steps, every, batch_size or _fitting(start), device, keep_going, progress)
    frames = (start.samples, steps // every, len(stepper.out_fields), *start.state.shape[2:])
    time = start.start + stepper.dt * np.arange(every, steps + 1, every)
    if path is None:
        memory = InMemory(frames, stepper.dtype)
        march.run(memory)
        result = to_fields(memory.values, stepper.out_fields, dataset, time=time, attributes=stepper.attributes)
        return result.assign_attrs(provenance(stepper, dataset))
    with growing_file(path, _template(stepper, dataset, time, frames), overwrite=overwrite) as file:
        march.run(file)
    return read_store(Path(path))


def provenance(operator: Operator, fields: xr.Dataset) -> dict[str, str]:
    """Return the attributes that say where fields made by ``operator`` from ``fields`` come from."""
    kept = ("equation", "case", "seed")
    attrs = {name: fields.attrs[name] for name in kept if name in fields.attrs}
    return {**attrs, "operator": type(operator).__name__}


@dataclass(frozen=True)
class _March:
    """One rollout, batch after batch."""

    stepper: Stepper
    start: InitialValue
    steps: int
    every: int
    batch_size: int
    device: str | torch.device | None
    keep_going: bool
    progress: bool

    def run(self, sink: FrameSink) -> None:
        """Fill ``sink`` with the frames that are kept."""
        firsts = range(0, self.start.samples, self.batch_size)
        calls = -(-self.steps // self.stepper.horizon)
        with (
            progress_bar("rollout", len(firsts) * calls, show=self.progress) as advance,
            computing(self.stepper, self.device) as device,
        ):
            for first in firsts:
                rows = slice(first, min(first + self.batch_size, self.start.samples))
                self._run_batch(sink, rows, device, advance)

    def _run_batch(self, sink: FrameSink, rows: slice, device: torch.device, advance: Callable[[], None]) -> None:
        start, channels = self.start.batch(rows, device), len(self.stepper.out_fields)
        carry = self.stepper.init(start.state, start.static, start.parameters)
        alive_until = torch.full((start.samples, channels), self.steps, device=device)
        for step in range(0, self.steps, self.stepper.horizon):
            forcing = None if start.forcing is None else start.forcing[:, step]
            carry, new = self.stepper.step(carry, forcing)
            for offset, frame in enumerate(torch.split(new, channels, dim=1), start=1):
                number = step + offset
                alive_until = torch.where(finite(frame), alive_until, alive_until.clamp(max=number - 1))
                if number % self.every == 0 and number <= self.steps:
                    if not self.keep_going:
                        self._check(start, frame, number, alive_until, rows)
                    sink.write(rows, number // self.every - 1, frame)
            advance()

    def _check(self, start: InitialValue, frame: Tensor, number: int, alive_until: Tensor, rows: slice) -> None:
        """Stop at the first fault; one synchronization with the device for each stored frame."""
        initial = start.state[:, -frame.shape[1] :]
        faults = self.stepper.faults(initial, frame)
        dead = alive_until < number
        masks = torch.stack([dead, *faults.values()])
        if not masks.any():
            return
        reason = int(masks.flatten(1).any(1).nonzero()[0])
        first = alive_until == alive_until.min() if reason == 0 else masks[reason]
        sample, channel = (int(i) for i in first.nonzero()[0])
        words = "is not finite" if reason == 0 else list(faults)[reason - 1]
        step = int(alive_until[sample, channel]) + 1 if reason == 0 else number
        where = f"step {step} (time {self.start.start + step * self.stepper.dt:.6g}), sample {rows.start + sample}"
        message = f"Rollout stopped at {where}, field {self.stepper.out_fields[channel]!r}: it {words}."
        raise NumericalFailure(f"{message} {self.stepper.advice(initial)}".rstrip())


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


def _template(stepper: Stepper, fields: xr.Dataset, time: np.ndarray, frames: tuple[int, ...]) -> xr.Dataset:
    """Return the shape of the result without its values."""
    samples, times, _, *space = frames
    numbers = np.broadcast_to(torch.empty((), dtype=stepper.dtype).numpy(), (samples, times, *space))
    dims = ("sample", "time", *stepper.domain.names)
    variables = {
        name: (dims, numbers, field_attributes(name, fields, stepper.attributes)) for name in stepper.out_fields
    }
    return xr.Dataset(variables, coords=coordinates(fields, time), attrs=provenance(stepper, fields))
