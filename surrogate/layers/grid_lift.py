"""Channels of a grid lifted to features."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.frame_lift import FrameLift


class GridLift(nn.Module):
    """Map the channels at every point to features: by one linear map, or field by field and then frame by frame.

    Parameters
    ----------
    in_channels
        Channels of fields.
    channels
        Features of a point.
    in_fields
        Fields of a frame, for `FrameLift`; None for one linear map.
    parameter_channels
        Constant channels behind those of fields.

    Raises
    ------
    InputError
        Channels that do not divide by ``in_fields``.
    """

    def __init__(self, in_channels: int, channels: int, *, in_fields: int | None, parameter_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.fields: nn.Linear | FrameLift
        self.constants: nn.Linear | None = None
        if in_fields is None:
            self.fields = nn.Linear(in_channels + parameter_channels, channels)
            return
        if in_channels % in_fields or channels // 2 % in_fields:
            got = (in_channels, channels // 2)
            what = f"in_channels and half of hidden_channels divisible by {in_fields} in_fields"
            raise expected(what, got, "Round them.")
        self.fields = FrameLift(in_fields, in_channels // in_fields, channels)
        if parameter_channels:
            self.constants = nn.Linear(parameter_channels, channels)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch *space feature"]:
        """Return the features at every point."""
        if isinstance(self.fields, nn.Linear):
            whole: Tensor = self.fields(x.movedim(1, -1))
            return whole
        features: Tensor = self.fields(x[:, : self.in_channels])
        if self.constants is None:
            return features
        constants: Tensor = self.constants(x[:, self.in_channels :].movedim(1, -1))
        return features + constants
