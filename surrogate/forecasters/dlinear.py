"""Linear maps of trend and remainder."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from surrogate.forecasters.linear import Linear
from surrogate.layers.series_linear import SeriesLinear
from surrogate.layers.trend import moving_average


class DLinear(Linear):
    r"""The forecast :math:`y = W_s (x - m) + b_s + W_t\,m + b_t` with the moving average :math:`m` of :math:`x`.

    Its forecasts are those of `Linear` (both are affine in :math:`x`); what differs is the path of the training.

    Parameters
    ----------
    channels
        Number of series.
    history, horizon
        Number of values that enter and that leave.
    individual
        Each series has its own maps instead of one pair for all.
    kernel
        Length of the moving average, odd.

    References
    ----------
    A. Zeng et al., "Are Transformers Effective for Time Series Forecasting?", AAAI 2023, arXiv:2205.13504.
    """

    def __init__(
        self, channels: int, *, history: int, horizon: int, individual: bool = False, kernel: int = 25
    ) -> None:
        super().__init__(channels, history=history, horizon=horizon, individual=individual)
        self.kernel = kernel
        self.trend = SeriesLinear(history, horizon, channels=channels if individual else None)

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch horizon channel"]:
        """Return the forecast: see `Forecaster.forward`."""
        self.check(x)
        trend = moving_average(x.mT, self.kernel)
        forecast: Tensor = self.linear(x.mT - trend) + self.trend(trend)
        return forecast.mT
