"""One attention, taken many times."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from surrogate.layers.factorized_attention import FactorizedAttention
from surrogate.layers.fourier_features import FourierFeatures
from surrogate.layers.grid_axis import GridAxis


class IteratedAttention(nn.Module):
    r"""Features of the coordinates, then L steps of size 1/L with one attention: :math:`u \leftarrow u + A(u) / L`.

    They are explicit Euler steps of :math:`\dot u = A(u)` over a time of 1.

    Parameters
    ----------
    position
        Adds features of the coordinates, once.
    attention
        :math:`A`.
    n_iterations
        :math:`L`.
    second_map
        Two linear maps of this many channels, with a GELU between, behind the attention; None for none.
    checkpointing
        Keep only what enters each step for the backward pass, and compute the rest again there.
    """

    def __init__(
        self,
        position: FourierFeatures,
        attention: FactorizedAttention,
        *,
        n_iterations: int,
        second_map: int | None = None,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.position, self.attention = position, attention
        self.n_iterations, self.checkpointing = n_iterations, checkpointing
        self.second: nn.Module = nn.Identity()
        if second_map is not None:
            self.second = nn.Sequential(
                nn.Linear(second_map, second_map, bias=False),
                nn.GELU(),
                nn.Linear(second_map, second_map, bias=False),
            )

    def forward(
        self, u: Float[Tensor, "batch *space channel"], axes: Sequence[GridAxis]
    ) -> Float[Tensor, "batch *space channel"]:
        """Return the features after the last step."""
        u = u + self.position(axes)
        for _ in range(self.n_iterations):
            if self.checkpointing and torch.is_grad_enabled():
                u = checkpoint(self.step, u, axes, use_reentrant=False, preserve_rng_state=False)
            else:
                u = self.step(u, axes)
        return u

    def step(
        self, u: Float[Tensor, "batch *space channel"], axes: Sequence[GridAxis]
    ) -> Float[Tensor, "batch *space channel"]:
        """Return the features after one step."""
        change: Tensor = self.second(self.attention(u, axes))
        return u + change / self.n_iterations
