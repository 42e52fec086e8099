"""Normalization of the result of an attention on a grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.layers.grid_axis import GridAxis, volumes

FLOORS = {"group": 1e-8, "slices": 1e-5, "instance": 1e-5}


def standardize(
    x: Float[Tensor, "batch head *space channel"], kind: str, floor: float, axes: Sequence[GridAxis]
) -> tuple[
    Float[Tensor, "batch head slice point channel"],
    Float[Tensor, "batch _heads _slices 1 _channels"],
]:
    """Return ``x`` with mean 0, and the factors that give it variance 1, in the accuracy of float32 at least.

    Mean and variance over space are taken with the quadrature weights of the axes. The factors are kept apart because a
    linear map that follows can take them up.

    Parameters
    ----------
    x
        Values in heads.
    kind
        ``"group"``: over space and channels of a head; ``"instance"``: over space, for every channel; ``"slices"``:
        over all but the first axis of space. The variance of ``"group"`` is the unbiased one.
    floor
        Added to the variance.
    axes
        The axes of space.
    """
    first = int(kind == "slices")
    full = x.to(torch.promote_types(x.dtype, torch.float32))
    full = full.reshape(*x.shape[:2], x.shape[2] if first else 1, -1, x.shape[-1])
    weights = volumes(axes[first:]).to(full.dtype)[:, None, None, None]
    pooled = {"group": (-1,), "slices": (1, -1), "instance": ()}[kind]
    with torch.autocast(x.device.type, enabled=False):  # which would round the sums
        mean = _mean(weights @ full, pooled)
        centered = full - mean
        variance = _mean(weights @ centered.square(), pooled)
    if kind == "group":
        n = full.shape[-1] * full.shape[-2]
        variance = variance * (n / (n - 1))
    return centered, (variance + floor).rsqrt()


def _mean(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    return x.mean(dims, keepdim=True) if dims else x
