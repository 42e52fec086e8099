"""Frames to try an equation on, as tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import xarray as xr
from torch import Tensor

from surrogate.auditing.blocks import chosen_frames
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.initial_value import read_parameters
from surrogate.operator import Stepper

_POINTS = 2**22  # of all channels, advanced at once: tens of megabytes for a solver


class Step(NamedTuple):
    """Frames of one sample and those that follow, ``(frame, channel, *space)``, with what else enters."""

    before: Tensor
    after: Tensor
    static: Tensor | None
    parameters: Tensor | None


def steps_of(solver: Stepper, fields: xr.Dataset, count: int | None) -> Iterator[Step]:
    """Yield at most ``count`` steps of fields of one sample, evenly spaced in time, some at once; all for None."""
    frames = chosen_frames(fields.isel(time=slice(-1)), count)
    rows = max(1, _POINTS // (len(solver.out_fields) * math.prod(solver.domain.shape)))
    static = to_tensor(fields, solver.static_fields, solver.dtype) if solver.static_fields else None
    parameters = read_parameters(solver, fields)
    for first in range(0, len(frames), rows):
        block = frames[first : first + rows]
        before, after = (
            to_tensor(fields.isel(time=numbers), solver.out_fields, torch.float64)[0] for numbers in (block, block + 1)
        )
        yield Step(before, after, *(_repeated(part, len(block)) for part in (static, parameters)))


def _repeated(part: Tensor | None, count: int) -> Tensor | None:
    return None if part is None else part.expand(count, *part.shape[1:])
