"""The decoder of the Galerkin transformer for fields that are rough: a small network at every point."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class PointwiseDecoder(nn.Module):
    """Map features to output channels, the same way at every point.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    n_layers
        Number of linear maps that are followed by SiLU; one without follows.
    dropout
        Rate, after each SiLU.
    """

    def __init__(self, in_channels: int, out_channels: int, *, n_layers: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(in_channels, in_channels), nn.SiLU(), nn.Dropout(dropout))
                for _ in range(n_layers)
            )
        )
        self.output = nn.Linear(in_channels, out_channels)

    def forward(self, x: Float[Tensor, "batch *space channel"]) -> Float[Tensor, "batch *space out"]:
        """Return the output channels at every point."""
        return self.output(self.layers(x))  # type: ignore[no-any-return]
