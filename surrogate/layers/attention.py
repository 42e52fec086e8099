"""Attention of Galerkin and Fourier type, and the two usual ones beside them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.head_norm import HeadNorm

KINDS = ("galerkin", "fourier", "linear", "softmax")


class Attention(nn.Module):
    r"""Attention between the ``n`` points of a sample, in heads of :math:`d_k` features and ``p`` coordinates.

    With :math:`Q, K, V` of width :math:`w = d_k + p`, the coordinates in front of the features of every head,

    - ``galerkin``: :math:`Q\,(K^\top V)/n`, with :math:`K, V` normalized before the coordinates join,
    - ``fourier``: :math:`(Q K^\top)\,V/(n\sqrt w)`, with :math:`Q, K` normalized,
    - ``linear``: as galerkin, after a softmax of :math:`Q` over the features and of :math:`K` over the points,
    - ``softmax``: :math:`\mathrm{softmax}(Q K^\top/\sqrt w)\,V`, with :math:`Q, K` normalized.

    The mean over points is a quadrature, so the first two converge as the grid is refined. The heads are joined by a
    linear map only where there are coordinates. Dropout acts on the matrix in brackets.

    The cost is linear in ``n`` for all but ``softmax``, and for ``fourier`` where dropout acts on its ``n`` by ``n``
    matrix: no other operation stands between its products, so they are taken in the cheaper order.

    Parameters
    ----------
    channels
        Features of a point; a multiple of ``n_heads``.
    n_heads
        Number of heads.
    kind
        One of the four above.
    dim
        Number ``p`` of coordinates in the heads; 0 for none.
    normalized
        Normalize two of the three tensors, each head and tensor with its own scale and shift.
    eps
        Of the normalization.
    dropout
        Rate of the dropout of the attention matrix.
    gain, diagonal
        Query, key and value maps start as Xavier-uniform draws times ``gain`` plus ``diagonal`` times the identity.

    Raises
    ------
    InputError
        Unknown kind, or heads that do not divide the channels.

    References
    ----------
    S. Cao, "Choose a Transformer: Fourier or Galerkin", NeurIPS 2021, arXiv:2105.14995.
    """

    def __init__(
        self,
        channels: int,
        *,
        n_heads: int = 1,
        kind: str = "galerkin",
        dim: int = 0,
        normalized: bool = True,
        eps: float = 1e-5,
        dropout: float = 0.0,
        gain: float = 1e-2,
        diagonal: float = 1e-2,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise expected(f"attention out of {', '.join(KINDS)}", repr(kind), "Correct the name.")
        if channels % n_heads:
            raise expected("hidden_channels divisible by n_heads", (channels, n_heads), "Change one of them.")
        self.channels, self.n_heads, self.kind, self.dim, self.dropout = channels, n_heads, kind, dim, dropout
        self.projection = nn.Linear(channels, 3 * channels)
        self.norm = HeadNorm(2, n_heads, channels // n_heads, eps=eps) if normalized else None
        self.output = nn.Linear(channels + n_heads * dim, channels) if dim else None
        with torch.no_grad():
            self.projection.bias.zero_()
            for block in self.projection.weight.chunk(3):
                nn.init.xavier_uniform_(block, gain).diagonal().add_(diagonal)

    def forward(
        self,
        x: Float[Tensor, "batch point channel"],
        coordinates: Float[Tensor, "#batch point dim"] | None = None,
    ) -> Float[Tensor, "batch point channel"]:
        """Return the attention of ``x``; ``coordinates`` are needed if and only if ``dim`` is not 0."""
        if coordinates is not None:
            coordinates = coordinates[:, None].expand(len(x), self.n_heads, -1, -1)
        if self.kind == "galerkin":
            return self._galerkin(x, coordinates)
        if self.kind == "fourier" and (self.dropout == 0 or not self.training):
            return self._fourier(x, coordinates)
        mixed = self._mix(*(join(coordinates, part) for part in self._heads(x)))
        mixed = mixed.transpose(1, 2).flatten(2)
        return mixed if self.output is None else self.output(mixed)

    def _mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if self.kind == "softmax":
            return F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        if self.kind == "linear":
            return query.softmax(-1) @ self._drop(product(key.softmax(-2).mT, value, 1 / key.shape[-2]))
        return self._drop(product(query, key.mT, 1 / (key.shape[-2] * math.sqrt(key.shape[-1])))) @ value

    def _galerkin(self, x: Tensor, coordinates: Tensor | None) -> Tensor:
        """Join the small matrices of :math:`x W_q (K^\\top V) W_o` before they meet the ``n`` points of ``x``."""
        key, value = self._normalized(x, 1)
        features, shift = self._contract(key, value, coordinates, 1 / x.shape[1])
        weight, bias = self._rows(0, 1)
        return torch.baddbmm(shift + bias @ features, x, weight.mT @ features)

    def _fourier(self, x: Tensor, coordinates: Tensor | None) -> Tensor:
        """Take :math:`Q (K^\\top V)` for :math:`(Q K^\\top) V`: no other operation stands between the products."""
        query, key, value = self._heads(x)
        scale = 1 / (x.shape[1] * math.sqrt(key.shape[-1] + self.dim))
        features, shift = self._contract(key, value, coordinates, scale)
        return torch.baddbmm(shift, query.transpose(1, 2).flatten(2), features)

    def _contract(
        self, key: Tensor, value: Tensor, coordinates: Tensor | None, scale: float
    ) -> tuple[Tensor, Tensor]:
        """Return the map that the query features of all heads meet, and what is added to its result."""
        if self.output is None:
            per_head = torch.eye(self.channels, dtype=key.dtype, device=key.device).unflatten(0, (self.n_heads, -1))
            maps = self._drop(product(key.mT, value, scale)) @ per_head
            return maps.flatten(1, 2), maps.new_zeros(())
        assert coordinates is not None
        per_head = self.output.weight.mT.unflatten(0, (self.n_heads, -1))
        maps = self._drop(joint_product(coordinates, key, value, scale)) @ per_head
        shift = coordinates[:, 0] @ maps[:, :, : self.dim].sum(1) + self.output.bias
        return maps[:, :, self.dim :].flatten(1, 2), shift

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return query, key and value ``(batch, head, point, d_k)``, two of them normalized."""
        if self.kind == "linear":
            key, value = self._normalized(x, 1)
            return self._project(x, 0, 1).select(2, 0).transpose(1, 2), key, value
        query, key = self._normalized(x, 0)
        return query, key, self._project(x, 2, 3).select(2, 0).transpose(1, 2)

    def _normalized(self, x: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """Return two of query, key and value, from number ``first`` on, normalized if this attention normalizes."""
        pair = self._project(x, first, first + 2)
        one, two = (pair if self.norm is None else self.norm(pair)).transpose(1, 3).unbind(2)
        return one, two

    def _project(self, x: Tensor, first: int, last: int) -> Tensor:
        return F.linear(x, *self._rows(first, last)).unflatten(-1, (last - first, self.n_heads, -1))

    def _rows(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        rows = slice(first * self.channels, last * self.channels)
        return self.projection.weight[rows], self.projection.bias[rows]

    def _drop(self, scores: Tensor) -> Tensor:
        return F.dropout(scores, self.dropout, self.training)


def join(coordinates: Tensor | None, features: Tensor) -> Tensor:
    """Return the features of every head with the coordinates in front."""
    return features if coordinates is None else torch.cat([coordinates, features], dim=-1)


def product(one: Tensor, two: Tensor, scale: float) -> Tensor:
    """Return ``scale * one @ two``, scaled before it is rounded: sums over all points overflow float16."""
    nothing = one.new_zeros(())
    return torch.baddbmm(nothing, one.flatten(0, 1), two.flatten(0, 1), beta=0, alpha=scale).unflatten(0, one.shape[:2])


def joint_product(coordinates: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """Return ``scale * [coordinates, key]^T [coordinates, value]`` without copying keys and values."""
    upper = torch.cat([product(coordinates.mT, part, scale) for part in (coordinates, value)], dim=-1)
    lower = torch.cat([product(key.mT, part, scale) for part in (coordinates, value)], dim=-1)
    return torch.cat([upper, lower], dim=-2)
