"""The usual attention among points that differ in number by sample, and none: what linear attention is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from surrogate.layers.function_attention import FunctionAttention
from surrogate.layers.segments import segment_order

KINDS = ("softmax", "identity")


class Sources(NamedTuple):
    """Keys and values ``(points, channel)`` of the points of a function, one of each for every sample."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    def plus(self, other: Sources) -> Sources:
        """Return those of the points of both."""
        pairs = (zip(one, two, strict=True) for one, two in zip(self, other, strict=True))
        return Sources(*(tuple(torch.cat(pair) for pair in each) for each in pairs))


class PointAttention(FunctionAttention):
    r"""Attention with the interface and the weights of `LinearAttention`, at a cost that is not linear, or none.

    In every head, with :math:`q, k, v` linear maps as there but no normalization of theirs,

    - ``softmax``: :math:`y = W_o (q + \sum_i \mathrm{softmax}(q\, k_i^\top / \sqrt{d})\, v_i)`, each softmax over the
      points of a function in the sample,
    - ``identity``: :math:`y = W_o (q + v)`, every query point for itself; there are no keys.

    A function without points in a sample adds nothing there.

    Parameters
    ----------
    channels
        Features of a point; a multiple of ``n_heads``.
    n_functions, n_heads
        Number of functions, 1 for ``identity``, and of heads.
    kind
        One of the two above.
    average
        Divide the sum over the functions by their number.
    dropout
        Rate, on what :math:`W_o` is applied to.

    Raises
    ------
    InputError
        Unknown kind, or heads that do not divide the channels.
    """

    kinds = KINDS

    def __init__(
        self,
        channels: int,
        *,
        n_functions: int = 1,
        n_heads: int = 1,
        kind: str = "softmax",
        average: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            channels, n_functions=n_functions, n_heads=n_heads, kind=kind, average=average, dropout=dropout
        )

    def moments(
        self, z: Float[Tensor, "points channel"], ptr: Int[Tensor, " samples_and_one"], *, function: int = 0
    ) -> Sources:
        """Return keys and values of a function from the features of its points, rows in `segment_order`."""
        if self.kind == "identity":
            return Sources((), ())
        maps = (self.keys[function], self.values[function])
        return Sources(*(by_sample(linear(z), ptr) for linear in maps))

    def forward(
        self, x: Float[Tensor, "points channel"], ptr: Int[Tensor, " samples_and_one"], moments: Sequence[Sources]
    ) -> Float[Tensor, "points channel"]:
        """Return the attention of the query points to the functions with these keys and values."""
        query = self.query(x)
        if self.kind == "identity":
            mixed = query + self.values[0](x)
        else:
            pairs = enumerate(by_sample(query, ptr))
            mixed = torch.cat([self._mix(one, number, moments) for number, one in pairs])
            mixed = mixed.index_select(0, segment_order(ptr, len(x)).to(x.device))
        y: Tensor = self.output(self.dropout(mixed))
        return y

    def _mix(self, query: Tensor, sample: int, moments: Sequence[Sources]) -> Tensor:
        """Return the query points of a sample, and what they see of the functions."""
        mixed = query
        for source in moments:
            key, value = source.keys[sample], source.values[sample]
            if len(key) and len(query):
                seen = F.scaled_dot_product_attention(self._heads(query), self._heads(key), self._heads(value))
                mixed = mixed + self.scale * seen[0].transpose(0, 1).flatten(1)
        return mixed

    def _heads(self, x: Tensor) -> Float[Tensor, "1 head points channel"]:
        return torch.unflatten(x, -1, (self.n_heads, -1)).transpose(0, 1)[None]


def by_sample(rows: Float[Tensor, "points channel"], ptr: Int[Tensor, " samples_and_one"]) -> tuple[Tensor, ...]:
    """Return the points of each sample, from rows in `segment_order`."""
    back = segment_order(ptr, len(rows)).argsort().to(rows.device)
    return torch.split(rows.index_select(0, back), ptr.diff().tolist())
