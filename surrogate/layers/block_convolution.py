"""The spectral convolution inside the blocks of neuraloperator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from surrogate.layers.interpolation_scaler import resize
from surrogate.layers.spectral_convolution import SpectralConvolution


class BlockConvolution(SpectralConvolution):
    """Our spectral convolution behind the arguments that neuraloperator's blocks pass.

    Parameters
    ----------
    in_channels, out_channels
        Channels.
    n_modes
        Wavenumbers kept along each axis, both signs counted.
    periodic
        For each axis whether it is periodic, where what skips the convolution goes to another grid; None: no axis is.
    settings
        What the blocks pass besides; not used.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        n_modes: Sequence[int],
        *,
        periodic: Sequence[bool] | None = None,
        **settings: Any,
    ) -> None:
        std = math.sqrt(2 / (in_channels + out_channels))
        super().__init__(in_channels, out_channels, half_spectrum(n_modes), std=std / math.sqrt(2), bias_std=std)
        self.periodic = [False] * len(n_modes) if periodic is None else periodic

    def transform(
        self, x: Float[Tensor, "batch channel *space"], output_shape: Sequence[int] | None = None
    ) -> Float[Tensor, "batch channel *points"]:
        """Return what skips the convolution, on the grid that the convolution leads to: see `resize`."""
        return x if output_shape is None else resize(x, output_shape, self.periodic)

    def forward(
        self, x: Float[Tensor, "batch channel *space"], output_shape: Sequence[int] | None = None
    ) -> Float[Tensor, "batch out *points"]:
        """Return the convolution, on a grid of this shape."""
        return super().forward(x, output_shape)


def half_spectrum(n_modes: Sequence[int]) -> tuple[int, ...]:
    """Return how many coefficients of a real field hold these wavenumbers: one sign only of the last axis."""
    return (*n_modes[:-1], n_modes[-1] // 2 + 1)
