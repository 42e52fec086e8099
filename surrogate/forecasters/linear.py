"""A linear map along time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from jaxtyping import Float
from torch import Tensor

from surrogate.forecasters import linear_reference
from surrogate.forecasters.forecaster import Forecaster
from surrogate.layers.series_linear import SeriesLinear

Network = TypeVar("Network", bound="Linear")


class Linear(Forecaster):
    r"""The forecast :math:`y = W x + b` along time.

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

    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Mapping[str, Any]]]] = linear_reference.published()

    def __init__(self, channels: int, *, history: int, horizon: int, individual: bool = False) -> None:
        super().__init__(channels, history=history, horizon=horizon)
        self.individual = individual
        self.linear = SeriesLinear(history, horizon, channels=channels if individual else None)

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch horizon channel"]:
        """Return the forecast: see `Forecaster.forward`."""
        self.check(x)
        forecast: Tensor = self.linear(x.mT)
        return forecast.mT

    @classmethod
    def from_reference(
        cls: type[Network], config: Mapping[str, Any], state: Mapping[str, Tensor], *, reference: str
    ) -> Network:
        """Return our network with the weights of the reference implementation.

        Parameters
        ----------
        config
            The fields of its settings: ``seq_len``, ``pred_len``, ``enc_in``, ``individual``.
        state
            Its state dict.
        reference
            Name of its class, the same as here.
        """
        linear_reference.check_name(reference, cls.__name__)
        network = cls(**linear_reference.arguments(config)).to(next(iter(state.values())).dtype)
        network.load_state_dict(linear_reference.weights(state))
        return network
