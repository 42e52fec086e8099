"""Prediction: fields in, fields out, once."""

from __future__ import annotations

import torch
import xarray as xr

from surrogate.compute import computing
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset
from surrogate.datasets.grids.box import Box
from surrogate.datasets.samples.tensors import to_fields, to_point_fields, to_tensor
from surrogate.initial_value import check_fit, read_parameters
from surrogate.operator import Operator, Stepper
from surrogate.point_inputs import apply_to_batch, given_samples
from surrogate.rollouts import provenance, rollout


def predict(
    operator: Operator, fields: Fields, *, batch_size: int = 64, device: str | torch.device | None = None
) -> xr.Dataset:
    """Apply ``operator`` once to every sample: the steady solution, or the next ``horizon`` frames.

    Parameters
    ----------
    operator
        A solver or a trained surrogate.
    fields
        Its input fields.
    batch_size
        Number of samples computed together.
    device
        Where to compute; default: where the operator is.

    Raises
    ------
    InputError
        Fields that do not fit the operator, or no such device.
    """
    dataset = as_dataset(fields)
    if batch_size < 1:
        raise expected("a batch_size of at least 1", batch_size, "Correct `batch_size`.")
    if isinstance(operator, Stepper):
        return rollout(operator, dataset, steps=operator.horizon, batch_size=batch_size, device=device, progress=False)
    check_fit(operator, dataset, operator.in_fields)
    result = (_on_points if operator.functions else _on_grid)(operator, dataset, batch_size, device)
    return result.assign_attrs(provenance(operator, dataset))


def _on_grid(operator: Operator, fields: xr.Dataset, batch_size: int, device: str | torch.device | None) -> xr.Dataset:
    x = to_tensor(fields, operator.in_fields, operator.dtype)
    static = to_tensor(fields, operator.static_fields, operator.dtype) if operator.static_fields else None
    parameters = read_parameters(operator, fields)
    operator.warn_outside(x, parameters)
    outputs = []
    with computing(operator, device) as target:
        for first in range(0, len(x), batch_size):
            rows = slice(first, first + batch_size)
            parts = (None if part is None else part[rows].to(target) for part in (x, static, parameters))
            outputs.append(operator(*parts).cpu())
    return to_fields(torch.cat(outputs), operator.out_fields, fields, attributes=operator.attributes)


def _on_points(
    operator: Operator, fields: xr.Dataset, batch_size: int, device: str | torch.device | None
) -> xr.Dataset:
    assert isinstance(operator.domain, Box)
    samples = given_samples(operator, fields)
    operator.warn_outside(samples.functions, samples.parameters)
    outputs = []
    with computing(operator, device) as target:
        for first in range(0, len(samples), batch_size):
            batch = samples.__getitems__(range(first, min(first + batch_size, len(samples))))
            outputs.append(apply_to_batch(operator, batch, target).cpu())
    at = operator.domain.location
    return to_point_fields(torch.cat(outputs), operator.out_fields, fields, at=at, attributes=operator.attributes)
