"""A pointwise network with residual layers."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.feed_forward import ACTIVATIONS


class ResidualMLP(nn.Module):
    r"""A linear map and activation, ``n_layers`` times :math:`x \leftarrow \phi(W x + b) + x`, and a linear map.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels
        Channels that enter, inside, and that leave.
    n_layers
        Number of residual layers.
    activation
        ``"relu"``, ``"silu"`` or ``"gelu"``.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, out_channels: int, *, n_layers: int, activation: str = "gelu"
    ) -> None:
        super().__init__()
        self.lift = nn.Linear(in_channels, hidden_channels)
        self.layers = nn.ModuleList(nn.Linear(hidden_channels, hidden_channels) for _ in range(n_layers))
        self.projection = nn.Linear(hidden_channels, out_channels)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Float[Tensor, "*batch channel"]) -> Float[Tensor, "*batch out"]:
        """Return the result for every point."""
        x = self.activation(self.lift(x))
        for layer in self.layers:
            x = self.activation(layer(x)) + x
        y: Tensor = self.projection(x)
        return y
