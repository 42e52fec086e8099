"""What all forecasters have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.configuration import Configured

if TYPE_CHECKING:
    import xarray as xr


class Forecaster(Configured, nn.Module):
    """A network from the last ``history`` values of some series to their next ``horizon`` values.

    Parameters
    ----------
    channels
        Number of series.
    history, horizon
        Number of values that enter and that leave.

    Attributes
    ----------
    layout
        Tells `surrogate.fit` to hand over ``(batch, time, channel)``.
    """

    layout: ClassVar[str] = "series"

    def __init__(self, channels: int, *, history: int, horizon: int) -> None:
        super().__init__()
        if min(channels, history, horizon) < 1:
            got = f"{channels}, {history} and {horizon}"
            raise expected("channels, history and horizon of at least 1", got, "Correct them.")
        self.channels, self.history, self.horizon = channels, history, horizon

    @abstractmethod
    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch horizon channel"]:
        """Return the forecast.

        Raises
        ------
        InputError
            ``x`` is not ``(batch, history, channels)``.
        """

    @classmethod
    def sizes_for(cls, data: xr.DataTree | xr.Dataset) -> dict[str, Any]:
        """Return channels, history and horizon for series: see `for_data`.

        Raises
        ------
        InputError
            The data hold more than series that are stepped in time.
        """
        from surrogate.datasets.samples.signature import Signature

        signature = Signature.from_data(data)
        more = [*signature.static_fields, *signature.forcing_fields, *signature.parameter_fields]
        if signature.dt is None or signature.domain.dim or more:
            got = f"{more or list(signature.in_fields)} on {signature.domain.names or 'no axis of space'}"
            do = "Prepare only series that are inputs and outputs, without space."
            raise expected("data of series alone", got, do)
        return {
            "channels": len(signature.in_fields),
            "history": signature.history,
            "horizon": signature.horizon,
        }

    def check(self, x: Tensor) -> None:
        """Raise `InputError` unless ``x`` is ``(batch, history, channels)``."""
        if x.ndim != 3 or x.shape[1:] != (self.history, self.channels):
            wanted = f"x of shape (batch, {self.history}, {self.channels})"
            raise expected(wanted, tuple(x.shape), "Give the last `history` values, time before channel.")
