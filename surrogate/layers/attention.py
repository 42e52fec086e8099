"""Attention of Galerkin and Fourier type, the two usual ones beside them, and none."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.head_norm import HeadNorm

KINDS = ("galerkin", "fourier", "linear", "softmax", "identity")
QUERY, KEY, VALUE = range(3)


class Attention(nn.Module):
    r"""Attention between the ``n`` points of a sample, in heads of :math:`d_k` features and ``p`` coordinates.

    With :math:`Q, K, V` of width :math:`w = d_k + p`, the coordinates in front of the features of every head,

    - ``galerkin``: :math:`Q\,(K^\top V)/n`, with :math:`K, V` normalized before the coordinates join,
    - ``fourier``: :math:`(Q K^\top)\,V/(n\sqrt w)`, with :math:`Q, K` normalized,
    - ``linear``: as galerkin, after a softmax of :math:`Q` over the features and of :math:`K` over the points,
    - ``softmax``: :math:`\mathrm{softmax}(Q K^\top/\sqrt w)\,V`, with :math:`Q, K` normalized,
    - ``identity``: :math:`V`, normalized, at every point for itself: what is left without attention. Query and key are
      there, so that weights have the shapes of the others, but have no effect.

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
        One of the five above.
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
        points = x.new_zeros(*x.shape[:2], 0) if coordinates is None else coordinates
        points = points[:, None].expand(len(x), self.n_heads, -1, -1)
        if self.kind == "galerkin":
            return self._galerkin(x, points)
        if self.kind == "identity":
            return self._identity(x, points)
        if self.kind == "fourier" and (self.dropout == 0 or not self.training):
            return self._fourier(x, points)
        mixed = self._mix(*(torch.cat([points, part], dim=-1) for part in self._heads(x)))
        mixed = mixed.transpose(1, 2).flatten(2)
        return mixed if self.output is None else self.output(mixed)

    def _mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if self.kind == "softmax":
            return F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        if self.kind == "linear":
            return query.softmax(-1) @ self._drop(product(key.softmax(-2).mT, value, 1 / key.shape[-2]))
        return self._drop(product(query, key.mT, 1 / (key.shape[-2] * math.sqrt(key.shape[-1])))) @ value

    def _identity(self, x: Tensor, points: Tensor) -> Tensor:
        value = self._project(x, VALUE)
        value = value if self.norm is None else self.norm(value, 1)
        mixed = torch.cat([points.transpose(1, 2), value], dim=-1).flatten(2)
        return mixed if self.output is None else self.output(mixed)

    def _galerkin(self, x: Tensor, points: Tensor) -> Tensor:
        r"""Join the small matrices of :math:`x W_q (K^\top V) W_o` before they meet the ``n`` points of ``x``.

        Scale and shift of the norms act on :math:`[1, K]^\top [1, V]`, which is small, in place of keys and values.
        """
        anchors = torch.cat([torch.ones_like(x[:, None, :, :1]).expand(-1, self.n_heads, -1, -1), points], dim=-1)
        key, value = self._project(x, KEY), self._project(x, VALUE)
        if self.norm is not None:
            key, value = self.norm.standardize(key), self.norm.standardize(value)
        moments = joint_product(anchors, key.transpose(1, 2), value.transpose(1, 2), 1 / x.shape[1])
        features, shift = self._join_heads(self._affine(self._affine(moments.mT, 1).mT, 0), points)
        weight, bias = self._rows(QUERY)
        return torch.baddbmm(shift + bias[None] @ features, x, weight.mT @ features)

    def _affine(self, moments: Tensor, tensor: int) -> Tensor:
        """Apply scale and shift of one normalized tensor to its axis, the last but one; drop the row of the ones."""
        one, points, features = torch.split(moments, [1, self.dim, self.channels // self.n_heads], dim=-2)
        if self.norm is not None:
            features = self.norm.weight[tensor][..., None] * features + self.norm.bias[tensor][..., None] * one
        return torch.cat([points, features], dim=-2)

    def _fourier(self, x: Tensor, points: Tensor) -> Tensor:
        r"""Take :math:`Q (K^\top V)` for :math:`(Q K^\top) V`: no other operation stands between the products."""
        query, key, value = self._heads(x)
        scale = 1 / (x.shape[1] * math.sqrt(key.shape[-1] + self.dim))
        features, shift = self._join_heads(joint_product(points, key, value, scale), points)
        return torch.baddbmm(shift, query.transpose(1, 2).flatten(2), features)

    def _join_heads(self, moments: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map that the query features of all heads meet, and what the coordinates and the bias add."""
        joint = torch.eye(self.channels).to(moments) if self.output is None else self.output.weight.mT
        maps = self._drop(moments) @ torch.unflatten(joint, 0, (self.n_heads, -1))
        shift = points[:, 0] @ maps[:, :, : self.dim].sum(1)
        return maps[:, :, self.dim :].flatten(1, 2), shift if self.output is None else shift + self.output.bias

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return query, key and value ``(batch, head, point, d_k)``, two of them normalized."""
        query, key, value = (self._project(x, number) for number in (QUERY, KEY, VALUE))
        if self.norm is not None and self.kind == "linear":
            key, value = self.norm(key, 0), self.norm(value, 1)
        elif self.norm is not None:
            query, key = self.norm(query, 0), self.norm(key, 1)
        return query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)

    def _project(self, x: Tensor, number: int) -> Tensor:
        return torch.unflatten(F.linear(x, *self._rows(number)), -1, (self.n_heads, -1))

    def _rows(self, number: int) -> tuple[Tensor, Tensor]:
        rows = slice(number * self.channels, (number + 1) * self.channels)
        return self.projection.weight[rows], self.projection.bias[rows]

    def _drop(self, scores: Tensor) -> Tensor:
        return F.dropout(scores, self.dropout, self.training)


def product(one: Tensor, two: Tensor, scale: float) -> Tensor:
    """Return ``scale * one @ two``, scaled before it is rounded: sums over all points overflow float16."""
    result = torch.baddbmm(one.new_zeros(()), one.flatten(0, 1), two.flatten(0, 1), beta=0, alpha=scale)
    return torch.unflatten(result, 0, one.shape[:2])


def joint_product(points: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """Return ``scale * [points, key]^T [points, value]`` without copying keys and values."""
    corner, right, left = (product(points.mT, part, scale) for part in (points, value, key))
    upper = torch.cat([corner, right], dim=-1)
    lower = torch.cat([left.mT, product(key.mT, value, scale)], dim=-1)  # the thin product is slow the other way round
    return torch.cat([upper, lower], dim=-2)
