"""Convolutions and interpolations that lead from a grid to a coarser one and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.feed_forward import ACTIVATIONS
from surrogate.layers.padded_convolution import PaddedConvolution

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


class DownScaler(nn.Module):
    """Map channels on a grid to features on a coarser one, with an intermediate grid between.

    A convolution of three points along each axis, interpolation to the intermediate grid, three such convolutions one
    after another whose results are joined, and interpolation to the coarse grid; an activation after each of the six.

    Parameters
    ----------
    in_channels, channels
        Channels that enter and leave; at least 3 leave.
    periodic
        For each axis whether it is periodic; beyond the ends of the others the field counts as zero.
    activation
        ``"relu"``, ``"silu"`` or ``"gelu"``.
    dropout
        Rate, after each convolution.

    Raises
    ------
    InputError
        Fewer than three channels, unknown activation.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        periodic: Sequence[bool],
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if channels < 3:
            raise expected("at least 3 channels on the coarse grid", channels, "Use more hidden_channels.")
        if activation not in ACTIVATIONS:
            raise expected(f"activation out of {', '.join(ACTIVATIONS)}", repr(activation), "Correct the name.")
        self.periodic = tuple(periodic)
        widths = [channels, channels // 3, channels // 3, channels - 2 * (channels // 3)]
        self.first = ConvolutionBlock(in_channels, channels, self.periodic, activation, dropout)
        self.stacked = nn.ModuleList(
            ConvolutionBlock(*pair, self.periodic, activation, dropout) for pair in pairwise(widths)
        )
        # means of numbers that are not negative are not negative: the rectifier has nothing to do after interpolation
        self.activation = nn.Identity() if activation == "relu" else ACTIVATIONS[activation]()

    def forward(
        self, x: Float[Tensor, "batch channel *space"], shape: Sequence[int]
    ) -> Float[Tensor, "batch out *coarse"]:
        """Return the features on a grid of this shape; raise `InputError` where it is not coarser."""
        middle = [middle_down(*sizes) for sizes in zip(x.shape[2:], shape, strict=True)]
        x = self.activation(resize(self.first(x), middle, self.periodic))
        parts = []
        for block in self.stacked:
            x = block(x)
            parts.append(x)
        y: Tensor = self.activation(resize(torch.cat(parts, dim=1), shape, self.periodic))
        return y


class UpScaler(nn.Module):
    """Map features on a coarse grid to an intermediate grid, on the way to a fine one: see `resize`.

    Interpolation, a convolution of three points along each axis, and twice the activation SiLU.

    Parameters
    ----------
    channels
        Channels that enter and leave.
    periodic
        For each axis whether it is periodic; beyond the ends of the others the field counts as zero.
    dropout
        Rate, before each activation.
    """

    def __init__(self, channels: int, *, periodic: Sequence[bool], dropout: float = 0.0) -> None:
        super().__init__()
        self.periodic = tuple(periodic)
        self.block = ConvolutionBlock(channels, channels, self.periodic, "silu", dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch channel *coarse"], shape: Sequence[int]
    ) -> Float[Tensor, "batch channel *middle"]:
        """Return the features on the grid between that of ``x`` and one of this shape."""
        middle = [middle_up(*sizes) for sizes in zip(x.shape[2:], shape, strict=True)]
        return F.silu(self.dropout(self.block(resize(x, middle, self.periodic))))


class ConvolutionBlock(nn.Sequential):
    """A convolution of three points along each axis, without bias, dropout, and an activation."""

    def __init__(
        self, in_channels: int, out_channels: int, periodic: Sequence[bool], activation: str, dropout: float
    ) -> None:
        super().__init__(
            PaddedConvolution(in_channels, out_channels, periodic=periodic, bias=False, channels_last=True),
            nn.Dropout(dropout),
            ACTIVATIONS[activation](),
        )


def resize(
    x: Float[Tensor, "batch channel *space"], shape: Sequence[int], periodic: Sequence[bool]
) -> Float[Tensor, "batch channel *new"]:
    """Return the field on equally spaced points in this number, by linear interpolation along each axis.

    Both ends are kept, or, on periodic axes, the first point and the period.
    """
    if tuple(x.shape[2:]) == tuple(shape):
        return x
    wrapped = [int(wraps) for wraps in periodic]
    if any(wrapped):
        x = F.pad(x, [width for wraps in reversed(wrapped) for width in (0, wraps)], mode="circular")
    closed = [n + more for n, more in zip(shape, wrapped, strict=True)]
    y = F.interpolate(x, closed, mode=MODES[len(closed)], align_corners=True)
    for axis, (n, wraps) in enumerate(zip(shape, wrapped, strict=True), start=2):
        y = y.narrow(axis, 0, n) if wraps else y
    return y


def middle_down(fine: int, coarse: int) -> int:
    """Return the number of points of the intermediate grid on the way down.

    Raises
    ------
    InputError
        The coarse grid has more points than the fine one.
    """
    if coarse > fine:
        raise expected(f"a grid of at least {coarse} points along each axis", fine, "Use a smaller coarse_shape.")
    return min(max(fine * factor(fine, coarse) // 200, coarse), fine)


def middle_up(coarse: int, fine: int) -> int:
    """Return the number of points of the intermediate grid on the way up."""
    return min(max(round(fine * factor(fine, coarse) / 200) - 1, coarse), fine)


def factor(fine: int, coarse: int) -> int:
    r"""Return the factor of one of two equal steps from fine to coarse, in units of 1/200.

    It is :math:`\sqrt{n_c / n_f}`, to three digits and brought to a multiple of 0.005, mostly to the next one.
    """
    digits = round(1e4 * math.sqrt(coarse / fine))
    thousandths = round(digits / 10) + (5 if digits % 10 < 5 else 0)
    return (2 * thousandths + 5) // 10
