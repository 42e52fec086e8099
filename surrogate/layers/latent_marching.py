"""Time steps in latent space."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.feed_forward import FeedForward


class LatentMarching(nn.Module):
    r"""Steps of one propagator: :math:`z \leftarrow z + e_s`, then :math:`z \leftarrow z + M\,\mathrm{LN}(z)`.

    Its weights are those of all steps; only the vector :math:`e_s` tells them apart.

    Parameters
    ----------
    in_channels, channels
        Channels of the features that enter, and of the latent state.
    hidden_channels
        Width of the hidden layer of M.
    n_steps
        Number of steps.
    """

    def __init__(self, in_channels: int, channels: int, hidden_channels: int, n_steps: int) -> None:
        super().__init__()
        self.expand = nn.Linear(in_channels, channels, bias=False)
        self.steps = nn.Parameter(0.02 * torch.randn(n_steps, channels))
        self.norm = nn.LayerNorm(channels)
        self.propagator = FeedForward(channels, hidden_channels, activation="gelu")

    def forward(
        self, x: Float[Tensor, "batch *space channel"], n_steps: int
    ) -> Float[Tensor, "step batch *space latent"]:
        """Return the latent states after the first ``n_steps`` steps."""
        state, states = self.expand(x), []
        for step in self.steps[:n_steps].unbind():
            state = state + step
            state = state + self.propagator(self.norm(state))
            states.append(state)
        return torch.stack(states)
