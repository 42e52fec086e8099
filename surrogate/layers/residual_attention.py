"""Softmax attention whose scores go on from layer to layer."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected


class ResidualAttention(nn.Module):
    r"""Attention with the scores of the layer before added to its own, :math:`S_l = Q K^\top / \sqrt d + S_{l-1}`.

    Parameters
    ----------
    channels
        Features of a token.
    n_heads
        Number of heads; divides ``channels``.

    Notes
    -----
    The bias of the keys adds a constant to each row of scores and so has no effect; it is kept, as in the networks of
    the literature, so that their weights and parameter counts carry over.

    References
    ----------
    R. He et al., "RealFormer: Transformer Likes Residual Attention", 2021, arXiv:2012.11747.
    """

    def __init__(self, channels: int, *, n_heads: int) -> None:
        super().__init__()
        if channels % n_heads:
            raise expected(f"n_heads that divides {channels} channels", n_heads, "Change one of them.")
        self.n_heads = n_heads
        self.projection = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)

    def forward(
        self,
        x: Float[Tensor, "batch token channel"],
        before: Float[Tensor, "batch head token token"] | None = None,
    ) -> tuple[Float[Tensor, "batch token channel"], Float[Tensor, "batch head token token"]]:
        """Return the new features, and the scores for the next layer."""
        query, key, value = self.projection(x).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        scores = (query * query.shape[-1] ** -0.5) @ key.mT
        if before is not None:
            scores = scores + before
        mixed = scores.softmax(dim=-1) @ value
        return self.output(mixed.transpose(1, 2).flatten(2)), scores
