"""One block of the general neural operator transformer."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

from surrogate.layers.linear_attention import LinearAttention, Moments
from surrogate.layers.mixture import GeometricGate, Mixture
from surrogate.layers.point_attention import PointAttention, Sources


class Part(NamedTuple):
    """Some of the query points or of the points of a function, rows in `segment_order`."""

    features: Float[Tensor, "points channel"]
    positions: Float[Tensor, "points dim"]
    ptr: Int[Tensor, " samples_and_one"]


class GNOTBlock(nn.Module):
    r"""Attention to the input functions, experts, attention among the query points, experts.

    .. math::
        x &\leftarrow x + \mathrm{cross}(N_1 x, N_2^i z_i), &
        x &\leftarrow x + N_3 \sum_e g_e \mathrm{FFN}_e(x), \\
        x &\leftarrow x + \mathrm{self}(N_4 x), &
        x &\leftarrow x + N_5 \sum_e g_e \mathrm{FFN}'_e(x)

    with layer normalizations :math:`N` and one gate :math:`g` for both sets of experts. ``pre_norm`` puts
    :math:`N_3, N_5` before the feed-forward part in place of after it.

    Parameters
    ----------
    cross, attention
        The attention to the functions and the one among the query points.
    mixtures
        The two sets of experts.
    gate
        Weights of the experts; None for a single expert.
    channels, n_functions
        Features of a point, number of functions.
    pre_norm
        See above.
    dropout
        Rate, on both attentions before they are added.
    """

    def __init__(
        self,
        cross: LinearAttention | PointAttention,
        attention: LinearAttention | PointAttention,
        mixtures: Sequence[Mixture],
        gate: GeometricGate | None,
        *,
        channels: int,
        n_functions: int,
        pre_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.cross, self.attention, self.mixtures, self.gate = cross, attention, nn.ModuleList(mixtures), gate
        self.function_norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(n_functions))
        self.attention_norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.mixture_norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.pre_norm = pre_norm
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        parts: Sequence[Part],
        functions: Sequence[Sequence[Part]],
    ) -> list[Part]:
        """Return the query points after this block; in how many parts points come makes no difference.

        Parameters
        ----------
        parts
            The query points.
        functions
            The points of each function.
        """
        moments = [self._moments(i, function) for i, function in enumerate(functions)]
        halfway = [self._first(part, moments) for part in parts]
        total = add(self.attention.moments(normalized, part.ptr) for part, normalized, _ in halfway)
        return [self._second(*half, total) for half in halfway]

    def _moments(self, function: int, parts: Sequence[Part]) -> Moments | Sources:
        norm = self.function_norms[function]
        given = (self.cross.moments(norm(part.features), part.ptr, function=function) for part in parts)
        return add(given)  # type: ignore[no-any-return]

    def _first(self, part: Part, moments: Sequence[Moments | Sources]) -> tuple[Part, Tensor, Tensor | None]:
        """Return the part after attention to the functions and experts, what self-attention sees of it, the gate."""
        x, gate = part.features, None if self.gate is None else self.gate(part.positions)
        x = x + self.dropout(self.cross(self.attention_norms[0](x), part.ptr, moments))
        x = x + self._mix(0, x, gate)
        return part._replace(features=x), self.attention_norms[1](x), gate

    def _second(self, part: Part, normalized: Tensor, gate: Tensor | None, moments: Moments | Sources) -> Part:
        x = part.features + self.dropout(self.attention(normalized, part.ptr, [moments]))
        return part._replace(features=x + self._mix(1, x, gate))

    def _mix(self, number: int, x: Tensor, gate: Tensor | None) -> Tensor:
        norm, mixture = self.mixture_norms[number], self.mixtures[number]
        y: Tensor = mixture(norm(x), gate) if self.pre_norm else norm(mixture(x, gate))
        return y


def add(moments: Iterable[Any]) -> Any:
    """Return what attention keeps of the points of all parts."""
    return functools.reduce(lambda one, two: one.plus(two), moments)
