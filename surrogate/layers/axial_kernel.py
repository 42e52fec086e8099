"""Kernels of one coordinate, computed from the data."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.axial_projection import AxialProjection
from surrogate.layers.grid_axis import GridAxis
from surrogate.layers.rotary import rotate


class AxialKernel(nn.Module):
    r"""The kernel :math:`\kappa(x, x') = q(x) \cdot k(x')` of one axis, without softmax, of rank ``kernel_channels``.

    Query and key are rotated linear maps of the axial projection of the field: see `AxialProjection` and `rotate`.

    Parameters
    ----------
    channels
        Channels of the field.
    n_heads
        Number of kernels.
    kernel_channels
        Width of query and key, even.
    gain
        Of the Xavier-uniform initial query and key maps.
    """

    def __init__(self, channels: int, *, n_heads: int, kernel_channels: int, gain: float = 1.0) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.projection = AxialProjection(channels)
        self.query = nn.Linear(channels, n_heads * kernel_channels, bias=False)
        self.key = nn.Linear(channels, n_heads * kernel_channels, bias=False)
        for linear in (self.query, self.key):
            nn.init.xavier_uniform_(linear.weight, gain=gain)

    def forward(
        self, mean: Float[Tensor, "batch point channel"], axis: GridAxis
    ) -> Float[Tensor, "batch head point source"]:
        """Return the kernels at all pairs of points, from the mean of the field over the other axes."""
        function = self.projection(mean)
        query, key = (
            rotate(linear(function).unflatten(-1, (self.n_heads, -1)).transpose(1, 2), axis.coordinates)
            for linear in (self.query, self.key)
        )
        return query @ key.mT
