"""A linear map of series, the same for all channels or one for each."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SeriesLinear(nn.Module):
    r"""The map :math:`y_c = W_c\,x_c + b_c` along the last axis, with one :math:`W, b` for all channels by default.

    Parameters
    ----------
    in_features, out_features
        Lengths of the last axis.
    channels
        Number of channels that have their own :math:`W_c, b_c`; None: they share one.

    Notes
    -----
    Starts as ``torch.nn.Linear`` does: uniform in :math:`\pm 1/\sqrt{\text{in features}}`.
    """

    def __init__(self, in_features: int, out_features: int, *, channels: int | None = None) -> None:
        super().__init__()
        own = () if channels is None else (channels,)
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(*own, out_features, in_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(*own, out_features).uniform_(-bound, bound))

    def forward(self, x: Float[Tensor, "batch channel in"]) -> Float[Tensor, "batch channel out"]:
        """Return the map of every channel."""
        if self.weight.ndim == 2:
            return nn.functional.linear(x, self.weight, self.bias)
        return torch.einsum("bci,coi->bco", x, self.weight) + self.bias
