"""Rotary position embedding by continuous coordinates."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def rotate(
    x: Float[Tensor, "batch head point channel"], coordinates: Float[Tensor, "samples point"], *, scale: float = 64.0
) -> Float[Tensor, "batch head point channel"]:
    r"""Turn pairs of channels by angles proportional to the coordinate.

    Channel j of the first half of d forms a pair with channel j of the second; the pair turns by
    :math:`\theta_j = s\,x\,10000^{-2j/d}`. Products of rotated vectors depend on differences of coordinates only.

    Parameters
    ----------
    x
        Vectors with an even number of channels.
    coordinates
        Coordinate of each point.
    scale
        :math:`s`.

    References
    ----------
    J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864.
    """
    half = x.shape[-1] // 2
    exponents = torch.arange(half, dtype=coordinates.dtype, device=x.device) / half
    angles = scale * coordinates[:, None, :, None] * 10000.0**-exponents
    cos, sin = angles.cos(), angles.sin()
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
