"""Experts weighted by where a point lies."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.feed_forward import ACTIVATIONS, FeedForward


class Mixture(nn.Module):
    r"""A weighted sum of feed-forward networks: :math:`\sum_e g_e(x)\, \mathrm{FFN}_e(x)`; no weights for a single one.

    All experts are evaluated at all points, one after another: one product for all of them is no faster, because what
    lies between its two maps no longer fits the cache.

    Parameters
    ----------
    channels, hidden_channels
        Channels outside and inside.
    n_experts
        Number of networks.
    activation
        ``"relu"``, ``"silu"`` or ``"gelu"``.
    """

    def __init__(self, channels: int, hidden_channels: int, *, n_experts: int = 1, activation: str = "gelu") -> None:
        super().__init__()
        self.experts = nn.ModuleList(
            FeedForward(channels, hidden_channels, activation=activation) for _ in range(n_experts)
        )

    def forward(
        self, x: Float[Tensor, "points channel"], weights: Float[Tensor, "points expert"] | None = None
    ) -> Float[Tensor, "points channel"]:
        """Return the sum for every point; ``weights`` are needed if and only if there are several experts."""
        if weights is None:
            (only,) = self.experts
            return only(x)  # type: ignore[no-any-return]
        result: Tensor = weights[:, :1] * self.experts[0](x)
        for number, expert in enumerate(self.experts[1:], start=1):
            result = torch.addcmul(result, weights[:, number, None], expert(x).to(result.dtype))
        return result


class GeometricGate(nn.Sequential):
    r"""Weights of the experts at a point from its position: a network of two hidden layers, then a softmax.

    Parameters
    ----------
    dim
        Number of coordinates.
    hidden_channels
        Channels of both hidden layers.
    n_experts
        Number of weights.
    activation
        ``"relu"``, ``"silu"`` or ``"gelu"``.
    """

    def __init__(self, dim: int, hidden_channels: int, n_experts: int, *, activation: str = "gelu") -> None:
        super().__init__(
            nn.Linear(dim, hidden_channels),
            ACTIVATIONS[activation](),
            nn.Linear(hidden_channels, hidden_channels),
            ACTIVATIONS[activation](),
            nn.Linear(hidden_channels, n_experts),
            nn.Softmax(-1),
        )

    def forward(self, positions: Float[Tensor, "points dim"]) -> Float[Tensor, "points expert"]:
        """Return the weights; they add up to 1 at every point."""
        return super().forward(positions)  # type: ignore[no-untyped-call, no-any-return]
