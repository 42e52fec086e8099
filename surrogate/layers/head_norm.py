"""Layer normalization inside the heads of an attention."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class HeadNorm(nn.Module):
    r"""Normalize the features of every token in every head of every tensor: :math:`\gamma\,(x-\mu)/\sigma + \beta`.

    Scale :math:`\gamma` and shift :math:`\beta` are separate for each tensor and head.

    Parameters
    ----------
    n_tensors, n_heads, head_channels
        Sizes.
    eps
        Added to the variance.
    """

    def __init__(self, n_tensors: int, n_heads: int, head_channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_tensors, n_heads, head_channels))
        self.bias = nn.Parameter(torch.zeros(n_tensors, n_heads, head_channels))

    def forward(self, x: Float[Tensor, "*batch head channel"], tensor: int) -> Float[Tensor, "*batch head channel"]:
        """Return ``x`` normalized, with scale and shift of tensor number ``tensor``."""
        return torch.addcmul(self.bias[tensor], self.standardize(x), self.weight[tensor])

    def standardize(self, x: Float[Tensor, "*batch channel"]) -> Float[Tensor, "*batch channel"]:
        """Return ``x`` with mean 0 and variance 1 over its channels, without scale and shift."""
        return F.layer_norm(x, x.shape[-1:], eps=self.eps)
