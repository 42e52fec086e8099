"""The decoder of the Galerkin transformer: spectral convolutions, then a small network at every point."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.spectral_convolution import SpectralConvolution, check_window


class SpectralBlock(nn.Module):
    r"""Spectral convolution beside a pointwise linear map: :math:`\mathrm{SiLU}(\mathcal K x + W x + b)`."""

    def __init__(self, in_channels: int, out_channels: int, n_frequencies: int, dim: int, dropout: float) -> None:
        super().__init__()
        window = spectral_window(n_frequencies, dim)
        std = initial_std(in_channels, out_channels, n_frequencies, dim)
        self.linear = nn.Linear(in_channels, out_channels)
        self.convolution = SpectralConvolution(in_channels, out_channels, window, std=std)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "batch *space channel"]) -> Float[Tensor, "batch *space out"]:
        """Return the features after this block."""
        filtered = self.convolution(self.dropout(x).movedim(-1, 1)).movedim(1, -1)
        return F.silu(self.linear(x) + filtered)


class SpectralDecoder(nn.Module):
    """Map features on a grid to output channels.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    hidden_channels
        Channels of the spectral blocks.
    projection_channels
        Channels of the hidden layer of the last map.
    n_blocks
        Number of spectral blocks.
    n_frequencies
        Wavenumbers kept along each axis: ``0 .. n_frequencies - 1`` along the last, both signs along the others.
    dim
        Number of space dimensions.
    dropout
        Rate, on what enters the spectral convolutions.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        hidden_channels: int,
        projection_channels: int,
        n_blocks: int,
        n_frequencies: int,
        dim: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.n_frequencies = n_frequencies
        widths = [in_channels] + [hidden_channels] * n_blocks
        self.blocks = nn.Sequential(*(SpectralBlock(*pair, n_frequencies, dim, dropout) for pair in pairwise(widths)))
        self.projection = nn.Sequential(
            nn.Linear(hidden_channels, projection_channels), nn.SiLU(), nn.Linear(projection_channels, out_channels)
        )

    def check_shape(self, shape: Sequence[int]) -> None:
        """Raise `InputError` unless a grid of this shape holds the wavenumbers of the blocks."""
        check_window(spectral_window(self.n_frequencies, len(shape)), shape)

    def forward(self, x: Float[Tensor, "batch *space channel"]) -> Float[Tensor, "batch *space out"]:
        """Return the output channels at every point."""
        return self.projection(self.blocks(x))  # type: ignore[no-any-return]


def spectral_window(n_frequencies: int, dim: int) -> tuple[int, ...]:
    """Return the number of Fourier coefficients along each axis: both signs on all but the last."""
    return (2 * n_frequencies,) * (dim - 1) + (n_frequencies,)


def initial_std(in_channels: int, out_channels: int, n_frequencies: int, dim: int) -> float:
    """Return the published initial spread of the spectral weights: Xavier's times a small gain."""
    gain = (in_channels + out_channels) ** (0.5 if dim > 1 else 0.0) / (in_channels * out_channels)
    return gain * (2 / ((in_channels + out_channels) * 2 * n_frequencies**dim)) ** 0.5  # type: ignore[no-any-return]
