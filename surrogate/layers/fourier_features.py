"""Coordinates as features, by random frequencies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.grid_axis import GridAxis


class FourierFeatures(nn.Module):
    r"""Linear map of :math:`[\sin 2\pi Bx, \cos 2\pi Bx]`; the entries of B are drawn from :math:`N(0, s^2)` and fixed.

    Parameters
    ----------
    channels
        Channels of the result, even.
    dim
        Number of coordinates.
    scale
        :math:`s`, in cycles per unit of length.

    References
    ----------
    M. Tancik et al., "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains",
    NeurIPS 2020, arXiv:2006.10739.
    """

    frequencies: Tensor

    def __init__(self, channels: int, *, dim: int, scale: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("frequencies", scale * torch.randn(dim, channels // 2))
        self.linear = nn.Linear(channels, channels)

    def forward(self, axes: Sequence[GridAxis]) -> Float[Tensor, "samples *space channel"]:
        """Return the features at all points of the grid."""
        dim, phases = len(axes), torch.zeros((), device=self.frequencies.device)
        for number, (axis, frequencies) in enumerate(zip(axes, self.frequencies, strict=True)):
            shape = [len(axis.coordinates)] + [-1 if other == number else 1 for other in range(dim)]
            phases = phases + 2 * math.pi * axis.coordinates.reshape(*shape, 1) * frequencies
        y: Tensor = self.linear(torch.cat([phases.sin(), phases.cos()], dim=-1))
        return y
