"""What a rollout reads from fields: where it starts, and what is known in advance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.domain import domain_of
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check, require, uniform_step
from surrogate.datasets.grids.box import Box
from surrogate.datasets.samples.tensors import to_parameters, to_tensor
from surrogate.operator import Operator, Stepper


@dataclass(frozen=True)
class InitialValue:
    """Tensors on the host, one row per sample.

    ``state`` has shape ``(sample, history * C, *space)``, at time ``start``; ``static`` ``(sample, channel, *space)``;
    ``forcing`` ``(sample, time, channel, *space)``, from the time ``start`` on; ``parameters`` ``(sample, P)``.
    """

    state: Tensor
    start: float
    static: Tensor | None
    forcing: Tensor | None
    parameters: Tensor | None

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self.state.shape[0]

    def batch(self, rows: slice, device: torch.device) -> InitialValue:
        """Return some of the samples on ``device``."""
        parts = (self.state, self.static, self.forcing, self.parameters)
        state, *rest = (None if part is None else part[rows].to(device, non_blocking=True) for part in parts)
        assert state is not None
        return InitialValue(state, self.start, *rest)


def initial_value(stepper: Stepper, fields: xr.Dataset) -> InitialValue:
    """Read the first ``history`` frames, and all that is not state.

    Raises
    ------
    InputError
        A field is missing or breaks the convention, the grid does not fit, there are no samples, too few frames, or
        frames that are not ``dt`` apart.
    """
    require(fields, [*stepper.in_fields, *stepper.forcing_fields])
    has_time = "time" in fields[stepper.in_fields[0]].dims
    history = stepper.history
    first = fields.isel(time=slice(history)) if has_time else fields
    available = first.sizes["time"] if has_time else 1
    if available < history:
        raise expected(f"at least {history} frames to start from", available, "Give more frames.")
    check_fit(stepper, first, stepper.in_fields)
    known = fields.isel(time=slice(history - 1, None)) if has_time else fields
    if stepper.forcing_fields:
        _check_step(stepper, check(known[list(stepper.forcing_fields)], values=False))
    if history > 1:
        _check_step(stepper, first)
    frames = to_tensor(first, stepper.in_fields, stepper.dtype)
    return InitialValue(
        state=frames.flatten(1, 2) if has_time else frames,
        start=float(fields["time"].values[history - 1]) if has_time else 0.0,
        static=to_tensor(fields, stepper.static_fields, stepper.dtype) if stepper.static_fields else None,
        forcing=to_tensor(known, stepper.forcing_fields, stepper.dtype) if stepper.forcing_fields else None,
        parameters=read_parameters(stepper, fields),
    )


def check_fit(operator: Operator, fields: xr.Dataset, names: Sequence[str]) -> None:
    """Raise `InputError` unless ``fields`` hold finite ``names`` for samples on a domain that ``operator`` accepts."""
    used = [*names, *operator.static_fields, *(name for name in operator.parameter_fields if name in fields)]
    require(fields, used)
    if not fields.sizes.get("sample"):
        raise expected("fields with samples", dict(fields.sizes), "Use fields.expand_dims('sample') if there is one.")
    check(fields[used].assign_coords(fields.coords))
    domain = Box.from_fields(fields) if isinstance(operator.domain, Box) else domain_of(fields)
    if not isinstance(domain, type(operator.domain)):
        kinds = [type(kind).__name__ for kind in (operator.domain, domain)]
        raise expected(
            f"fields on a {kinds[0]}", f"a {kinds[1]}", "Interpolate them (`surrogate.datasets.interpolation`)."
        )
    operator.check_domain(domain)


def _check_step(stepper: Stepper, fields: xr.Dataset) -> None:
    """Raise `InputError` unless the times of ``fields`` are those of the steps."""
    if fields.sizes.get("time", 1) == 1:
        return
    step = uniform_step(fields)
    if not math.isclose(step, stepper.dt, rel_tol=1e-3):
        do = "Select or interpolate the times of the steps."
        raise expected(f"frames that are dt={stepper.dt:.6g} apart", f"{step:.6g}", do)


def read_parameters(operator: Operator, fields: xr.Dataset) -> Tensor | None:
    """Return the parameters that ``fields`` carry, or None: then the operator's own values hold."""
    present = [name for name in operator.parameter_fields if name in fields]
    return to_parameters(fields, operator.parameter_fields, operator.dtype) if present else None
