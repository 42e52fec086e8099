"""The samples of prepared data, as training takes them."""

from __future__ import annotations

import torch
import xarray as xr

from surrogate.datasets.samples.point_samples import PointSamples
from surrogate.datasets.samples.signature import Signature
from surrogate.datasets.samples.windows import Windows


def training_samples(
    fields: xr.Dataset, signature: Signature, dtype: torch.dtype = torch.float32, frames: int | None = None
) -> Windows | PointSamples:
    """Return windows of fields on a grid, with so many frames of target, or samples of fields on meshes."""
    if not signature.functions:
        return Windows(fields, signature, dtype, frames)
    return PointSamples(
        fields,
        signature.functions,
        location=signature.domain.location,
        out_fields=signature.out_fields,
        parameter_fields=signature.parameter_fields,
        dtype=dtype,
    )
