"""Frames to try an equation on, as tensors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.auditing.blocks import chosen_frames
from surrogate.datasets.tensors import to_tensor
from surrogate.initial_value import read_parameters
from surrogate.operator import Stepper


class Step(NamedTuple):
    """States of one sample and the frames after them, ``(frame, channel, *space)``, with what else enters."""

    frames: np.ndarray
    before: Tensor
    after: Tensor
    static: Tensor | None
    parameters: Tensor | None


def steps_of(solver: Stepper, fields: xr.Dataset, count: int | None) -> Step:
    """Return at most ``count`` steps of fields of one sample, evenly spaced in time; all of them for None."""
    frames = chosen_frames(fields.isel(time=slice(-1)), count)
    before, after = (
        to_tensor(fields.isel(time=rows), solver.out_fields, torch.float64)[0] for rows in (frames, frames + 1)
    )
    static = to_tensor(fields, solver.static_fields, solver.dtype) if solver.static_fields else None
    parameters = read_parameters(solver, fields)
    return Step(frames, before, after, *(_repeated(part, len(frames)) for part in (static, parameters)))


def _repeated(part: Tensor | None, count: int) -> Tensor | None:
    return None if part is None else part.expand(count, *part.shape[1:])
