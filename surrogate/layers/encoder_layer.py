"""One layer of a transformer encoder."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.attention import Attention
from surrogate.layers.feed_forward import FeedForward


class EncoderLayer(nn.Module):
    r"""Attention, then feed-forward, each added to its input.

    .. math:: x \leftarrow N_1(x + \mathrm{attention}(x)), \qquad x \leftarrow N_2(x + \mathrm{feed\_forward}(x))

    Parameters
    ----------
    attention, feed_forward
        The two parts.
    channels
        Features of a point.
    normalized
        Let :math:`N_1, N_2` be layer normalizations of the sums (post-norm); otherwise they are absent.
    eps
        Of these normalizations.
    dropout
        Rate, on both parts before they are added.
    """

    def __init__(
        self,
        attention: Attention,
        feed_forward: FeedForward,
        channels: int,
        *,
        normalized: bool = False,
        eps: float = 1e-5,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention, self.feed_forward = attention, feed_forward
        self.dropout = nn.Dropout(dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(channels, eps=eps) if normalized else nn.Identity() for _ in range(2))

    def forward(
        self,
        x: Float[Tensor, "batch point channel"],
        coordinates: Float[Tensor, "#batch point dim"] | None = None,
    ) -> Float[Tensor, "batch point channel"]:
        """Return the features after this layer; ``coordinates`` enter the heads of the attention."""
        x = self.norms[0](x + self.dropout(self.attention(x, coordinates)))
        return self.norms[1](x + self.dropout(self.feed_forward(x)))  # type: ignore[no-any-return]
