"""The residual block of the modern U-Net."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.feed_forward import ACTIVATIONS
from surrogate.layers.padded_convolution import PaddedConvolution


class ResidualConvolution(nn.Module):
    r"""Two convolutions, each after normalization :math:`N` and activation, added to the input.

    .. math:: y = S x + C_2\, \phi(N_2\, C_1\, \phi(N_1 x))

    :math:`N` takes mean and variance over all channels and points of a sample, :math:`S` is the identity, or a linear
    map at every point where the number of channels changes.

    Parameters
    ----------
    in_channels, out_channels
        Channels.
    periodic
        For each axis whether the convolutions wrap around.
    activation
        ``"relu"``, ``"silu"`` or ``"gelu"``.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, periodic: Sequence[bool], activation: str = "gelu"
    ) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.GroupNorm(1, in_channels),
            ACTIVATIONS[activation](),
            PaddedConvolution(in_channels, out_channels, periodic=periodic),
            nn.GroupNorm(1, out_channels),
            ACTIVATIONS[activation](),
            PaddedConvolution(out_channels, out_channels, periodic=periodic),
        )
        self.skip = nn.Identity() if in_channels == out_channels else nn.Linear(in_channels, out_channels)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch out *space"]:
        """Return the sum of both branches."""
        skipped: Tensor = self.skip(x.movedim(1, -1)).movedim(-1, 1)
        return skipped + self.branch(x)  # type: ignore[no-any-return]
