"""A linear map of the normalized window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.forecasters import linear_reference
from surrogate.forecasters.linear import Linear
from surrogate.layers.rev_in import RevIN


class RLinear(Linear):
    r"""`Linear` between `RevIN` and its inverse: each window is forecast in units of its own mean and deviation.

    Parameters
    ----------
    channels
        Number of series.
    history, horizon
        Number of values that enter and that leave.
    individual
        Each series has its own :math:`W, b` instead of one for all.
    dropout
        Rate, of the normalized input.

    References
    ----------
    Z. Li et al., "Revisiting Long-term Time Series Forecasting: An Investigation on Linear Mapping", 2023,
    arXiv:2305.10721.
    """

    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Mapping[str, Any]]]] = linear_reference.published_rlinear()

    def __init__(
        self, channels: int, *, history: int, horizon: int, individual: bool = False, dropout: float = 0.1
    ) -> None:
        super().__init__(channels, history=history, horizon=horizon, individual=individual)
        self.dropout = dropout
        self.rev_in = RevIN(channels, affine=True)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch horizon channel"]:
        """Return the forecast: see `Forecaster.forward`."""
        self.check(x)
        z, instance = self.rev_in.normalize(x)
        return self.rev_in.denormalize(super().forward(self.drop(z)), instance)
