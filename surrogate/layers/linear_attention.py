"""Normalized linear attention to any number of functions, each given on its own points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from surrogate.layers.function_attention import FunctionAttention
from surrogate.layers.segments import segment_apply, segment_product

KINDS = ("linear", "galerkin", "l1")


class Moments(NamedTuple):
    """What attention keeps of the points of a function in each sample; those of parts of the points add up."""

    products: Float[Tensor, "samples channel features_and_one"]  # of keys with features, then with 1
    counts: Float[Tensor, " samples"]  # of points

    def plus(self, other: Moments) -> Moments:
        """Return the moments of the points of both."""
        return Moments(*(one + two for one, two in zip(self, other, strict=True)))


class LinearAttention(FunctionAttention):
    r"""Attention of query points to the points of ``n_functions`` functions, at a cost linear in their number.

    In every head, with the softmax over its features, not over points,

    .. math::
        q = \mathrm{softmax}(W_q x + b_q), \quad k_{ij} = \mathrm{softmax}(W_k^i z_{ij} + b_k^i), \quad
        v_{ij} = W_v^i z_{ij} + b_v^i, \quad
        y = W_o \Big(q + \sum_i \frac{q\,\sum_j k_{ij} v_{ij}^\top}{q \cdot \sum_j k_{ij}}\Big) + b_o .

    Self-attention is the case of one function :math:`z = x`. Values never exist at the points: :math:`W_v^i` is applied
    to :math:`\sum_j k_{ij} z_{ij}^\top`. A function without points in a sample adds nothing there.

    Parameters
    ----------
    channels
        Features of a point; a multiple of ``n_heads``.
    n_functions, n_heads
        Number of functions and of heads.
    kind
        ``"linear"``: as above. ``"galerkin"``: divided by the number of points of the function instead. ``"l1"``: query
        and key are divided by the sum of their magnitudes in place of the softmax, the result by
        :math:`|q| \cdot |\sum_j k_{ij}|`.
    average
        Divide the sum over the functions by their number.
    dropout
        Rate, on what :math:`W_o` is applied to.

    Raises
    ------
    InputError
        Unknown kind, or heads that do not divide the channels.

    References
    ----------
    Z. Hao et al., "GNOT: A General Neural Operator Transformer for Operator Learning", ICML 2023, arXiv:2302.14376.
    """

    kinds = KINDS

    def __init__(
        self,
        channels: int,
        *,
        n_functions: int = 1,
        n_heads: int = 1,
        kind: str = "linear",
        average: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            channels, n_functions=n_functions, n_heads=n_heads, kind=kind, average=average, dropout=dropout
        )

    def moments(
        self, z: Float[Tensor, "points channel"], ptr: Int[Tensor, " samples_and_one"], *, function: int = 0
    ) -> Moments:
        """Return the moments of a function from the features of its points, rows in `segment_order`."""
        keys = self._normalize(self.keys[function](z))
        products = segment_product(keys, F.pad(z.to(keys.dtype), (0, 1), value=1.0), ptr)
        return Moments(products, ptr.diff().to(products))

    def forward(
        self, x: Float[Tensor, "points channel"], ptr: Int[Tensor, " samples_and_one"], moments: Sequence[Moments]
    ) -> Float[Tensor, "points channel"]:
        """Return the attention of the query points to the functions with these moments."""
        query = self._normalize(self.query(x))
        mixed = self._heads(query)
        for value, moment in zip(self.values, moments, strict=True):
            matrices = self._matrices(value, moment)
            above, below = torch.tensor_split(segment_apply(query, matrices, ptr), [-self.n_heads], dim=1)
            if self.kind == "l1":
                below = segment_apply(query.abs(), matrices[..., -self.n_heads :], ptr)
            mixed = torch.addcdiv(mixed, self._heads(above), below[..., None], value=self.scale)
        y: Tensor = self.output(self.dropout(mixed.flatten(1)))
        return y

    def _matrices(self, value: Any, moment: Moments) -> Tensor:
        """Return what the queries of a sample meet: the products of keys and values, then the denominators."""
        products, counts = moment.products, moment.counts[:, None]
        joint = torch.cat([value.weight, value.bias[:, None]], dim=1).to(products.dtype)
        heads = torch.eye(self.n_heads, dtype=products.dtype, device=products.device)
        heads = heads.repeat_interleave(products.shape[1] // self.n_heads, dim=0)
        if self.kind == "galerkin":
            totals = counts.clamp(min=1).expand(products.shape[:2])
        else:
            totals = products[..., -1].abs().where(counts > 0, 1)  # no points: 0 / 1
        return torch.cat([products @ joint.mT * (heads @ heads.mT), totals[..., None] * heads], dim=2)

    def _normalize(self, x: Tensor) -> Tensor:
        x = self._heads(x)
        return (x / x.abs().sum(-1, keepdim=True) if self.kind == "l1" else x.softmax(-1)).flatten(1)

    def _heads(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, -1, (self.n_heads, -1))
