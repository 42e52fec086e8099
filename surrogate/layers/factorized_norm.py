"""Normalization of the result of an attention on a grid."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

FLOORS = {"group": 1e-8, "slices": 1e-5, "instance": 1e-6}


def standardize(
    x: Float[Tensor, "batch head *space channel"], kind: str, floor: float
) -> Float[Tensor, "batch head *space channel"]:
    """Return ``x`` with mean 0 and variance 1, in the accuracy of float32 at least.

    Parameters
    ----------
    x
        Values in heads.
    kind
        ``"group"``: over space and channels of a head; ``"instance"``: over space, for every channel; ``"slices"``:
        over all but the first axis of space. The variance of ``"group"`` is the unbiased one.
    floor
        Added to the variance.
    """
    last = x.ndim - 1
    dims = {"group": range(2, last + 1), "instance": range(2, last), "slices": [1, *range(3, last + 1)]}[kind]
    full = x.to(torch.promote_types(x.dtype, torch.float32))
    variance, mean = torch.var_mean(full, dim=tuple(dims), correction=int(kind == "group"), keepdim=True)
    return (full - mean) * (variance + floor).rsqrt()
