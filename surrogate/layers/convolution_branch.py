"""Convolutions beside a global layer, for what happens near boundaries."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class ConvolutionBranch(nn.Module):
    """Instance norm, two convolutions at half the resolution, nearest neighbors back, two convolutions.

    All have width 3 and see zeros beyond the boundary, so that the distance to it leaves a trace.

    Parameters
    ----------
    channels
        Channels that enter and leave; half as many inside.
    dim
        Number of space dimensions.
    """

    def __init__(self, channels: int, *, dim: int) -> None:
        super().__init__()
        convolution, inner = CONVOLUTIONS[dim], channels // 2
        self.down = nn.Sequential(
            convolution(channels, inner, 3, stride=2, padding=1), nn.GELU(), convolution(inner, inner, 3, padding=1)
        )
        self.up = nn.Sequential(
            convolution(inner, inner, 3, padding=1), nn.GELU(), convolution(inner, channels, 3, padding=1)
        )

    def forward(self, x: Float[Tensor, "batch *space channel"]) -> Float[Tensor, "batch *space channel"]:
        """Return the features, on the grid of ``x``."""
        field = F.instance_norm(x.movedim(-1, 1))
        y: Tensor = self.up(F.interpolate(self.down(field), size=x.shape[1:-1], mode="nearest"))
        return y.movedim(1, -1)
