"""Prediction: fields in, fields out, once."""

from __future__ import annotations

import torch
import xarray as xr

from surrogate.compute import computing
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset
from surrogate.datasets.tensors import to_fields, to_tensor
from surrogate.initial_value import check_fit, read_parameters
from surrogate.operator import Operator, Stepper
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
    x = to_tensor(dataset, operator.in_fields, operator.dtype)
    static = to_tensor(dataset, operator.static_fields, operator.dtype) if operator.static_fields else None
    parameters = read_parameters(operator, dataset)
    operator.warn_outside(x, parameters)
    outputs = []
    with computing(operator, device) as target:
        for first in range(0, len(x), batch_size):
            rows = slice(first, first + batch_size)
            parts = (None if part is None else part[rows].to(target) for part in (x, static, parameters))
            outputs.append(operator(*parts).cpu())
    result = to_fields(torch.cat(outputs), operator.out_fields, dataset, attributes=operator.attributes)
    return result.assign_attrs(provenance(operator, dataset))
