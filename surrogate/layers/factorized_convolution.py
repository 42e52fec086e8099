"""A spectral convolution along each axis."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.spectral_convolution import SpectralConvolution


class FactorizedConvolution(nn.Module):
    r"""Sum of spectral convolutions along one axis each.

    .. math:: \mathcal K x = \sum_{a} \mathcal F_a^{-1} \big( W_a(k_a)\, \mathcal F_a x \big)

    The weights of axis :math:`a` depend on its own wavenumber alone, so their number grows with the sum of the modes
    of the axes, not with the product.

    Parameters
    ----------
    channels
        Channels that enter and leave.
    n_frequencies
        Wavenumbers :math:`0, 1, \dots` kept along each axis, one-sided.

    Notes
    -----
    The weights start so that the sum has the energy that its input has in the wavenumbers kept, in the mean.
    """

    def __init__(self, channels: int, n_frequencies: Sequence[int]) -> None:
        super().__init__()
        std = (2 * channels * len(n_frequencies)) ** -0.5
        self.axes = nn.ModuleList(SpectralConvolution(channels, channels, [kept], std=std) for kept in n_frequencies)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch channel *space"]:
        """Return the sum over the axes; raise `InputError` where the grid does not hold the wavenumbers."""
        result = self._along(x, 0)
        for axis in range(1, len(self.axes)):
            result = result + self._along(x, axis)
        return result

    def _along(self, x: Tensor, axis: int) -> Tensor:
        """Take all lines of this axis as samples of a convolution in one dimension."""
        lines = x.movedim((1, 2 + axis), (-2, -1))
        y: Tensor = self.axes[axis](lines.flatten(0, -3))
        return y.reshape(lines.shape).movedim((-2, -1), (1, 2 + axis))
