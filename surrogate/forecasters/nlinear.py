"""A linear map of what follows the last value."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from surrogate.forecasters.linear import Linear


class NLinear(Linear):
    r"""The forecast :math:`y = x_L + W (x - x_L) + b` with the last value :math:`x_L`: it follows a moving level.

    Parameters
    ----------
    channels
        Number of series.
    history, horizon
        Number of values that enter and that leave.
    individual
        Each series has its own :math:`W, b` instead of one for all.

    References
    ----------
    A. Zeng et al., "Are Transformers Effective for Time Series Forecasting?", AAAI 2023, arXiv:2205.13504.
    """

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch horizon channel"]:
        """Return the forecast: see `Forecaster.forward`."""
        self.check(x)
        last = x[:, -1:].detach()
        return last + super().forward(x - last)
