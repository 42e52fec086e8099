"""What an operator on points reads from fields."""

from __future__ import annotations

import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.grids.box import Box
from surrogate.datasets.samples.point_samples import PointBatch, PointSamples
from surrogate.operator import Operator


def given_samples(operator: Operator, fields: xr.Dataset) -> PointSamples:
    """Return the samples of ``fields`` without targets, with the parameters that they carry."""
    assert isinstance(operator.domain, Box)
    present = any(name in fields for name in operator.parameter_fields)
    return PointSamples(
        fields,
        operator.functions,
        location=operator.domain.location,
        parameter_fields=operator.parameter_fields if present else (),
        dtype=operator.dtype,
    )


def apply_to_batch(operator: Operator, batch: PointBatch, device: torch.device) -> Tensor:
    """Return the output at the points of a batch, which lies on the host."""
    functions = tuple(points.to(device) for points in batch["x"])
    parameters = batch.get("parameters")
    output: Tensor = operator(functions, None, None if parameters is None else parameters.to(device))
    return output
