"""The feed-forward part of a transformer layer."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


class FeedForward(nn.Sequential):
    r"""Two linear maps with an activation between, the same at every point: :math:`W_2\,\phi(W_1 x + b_1) + b_2`.

    Parameters
    ----------
    channels, hidden_channels
        Channels outside and inside.
    activation
        ``"relu"``, ``"silu"`` or ``"gelu"``.
    dropout
        Rate, after the activation.
    """

    def __init__(self, channels: int, hidden_channels: int, *, activation: str = "relu", dropout: float = 0.0) -> None:
        super().__init__(
            nn.Linear(channels, hidden_channels),
            ACTIVATIONS[activation](),
            nn.Dropout(dropout),
            nn.Linear(hidden_channels, channels),
        )

    def forward(self, x: Float[Tensor, "*batch channel"]) -> Float[Tensor, "*batch channel"]:
        """Return the result for every point."""
        return super().forward(x)  # type: ignore[no-untyped-call, no-any-return]
