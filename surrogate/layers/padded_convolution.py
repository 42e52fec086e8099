"""Convolutions that wrap around on periodic axes, and see zeros beyond the others."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_PLAIN = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}
_TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class PaddedConvolution(nn.Module):
    r"""Convolution with a kernel of three points along each axis; ``n`` points become :math:`\lceil n/s \rceil`.

    .. math:: y_o(j) = b_o + \sum_i \sum_{l \in \{-1, 0, 1\}^d} W_{oi}(l)\, x_i(s j + l)

    Parameters
    ----------
    in_channels, out_channels
        Channels.
    periodic
        For each axis whether it is periodic; beyond the ends of the others the field counts as zero.
    stride
        The stride :math:`s`.
    bias
        Whether there is the bias :math:`b`.
    channels_last
        Whether the channels of a point are side by side in the memory of the result, whatever the input.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        periodic: Sequence[bool],
        stride: int = 1,
        bias: bool = True,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.periodic = tuple(periodic)
        self.memory_format = _CHANNELS_LAST.get(len(self.periodic)) if channels_last else None
        self.convolution = _PLAIN[len(self.periodic)](in_channels, out_channels, 3, stride=stride, bias=bias)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch out *coarse"]:
        """Return the convolution."""
        x = pad(x, self.periodic)
        if self.memory_format is None:
            return self.convolution(x)  # type: ignore[no-any-return]
        weight = self.convolution.weight.to(memory_format=self.memory_format)  # of an only channel x has no format
        x = x.to(memory_format=self.memory_format)
        function = F.conv2d if x.ndim == 4 else F.conv3d
        return function(x, weight, self.convolution.bias, self.convolution.stride)


class PaddedUpsampling(nn.Module):
    r"""Transposed convolution with a kernel of four points and stride 2; ``n`` points become ``2 n``.

    .. math:: y_o(j) = b_o + \sum_i \sum_{k:\, -1 \le j - 2 k \le 2} W_{io}(j - 2 k + 1)\, x_i(k)

    along each axis.

    Parameters
    ----------
    in_channels, out_channels
        Channels.
    periodic
        For each axis whether it is periodic; beyond the ends of the others the field counts as zero.
    """

    def __init__(self, in_channels: int, out_channels: int, *, periodic: Sequence[bool]) -> None:
        super().__init__()
        self.periodic = tuple(periodic)
        # of the padding, 1 point is that of the kernel, 2 are the coarse point that was added on each side
        self.convolution = _TRANSPOSED[len(self.periodic)](in_channels, out_channels, 4, stride=2, padding=3)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch out *fine"]:
        """Return the field on the finer grid."""
        return self.convolution(pad(x, self.periodic))  # type: ignore[no-any-return]


def pad(x: Tensor, periodic: Sequence[bool]) -> Float[Tensor, "batch channel *space"]:
    """Return the field with one point more on each side: the opposite end on periodic axes, zero on the others."""
    wrapped = [int(wraps) for wraps in reversed(periodic) for _ in range(2)]
    if any(wrapped):
        x = F.pad(x, wrapped, mode="circular")
    return F.pad(x, [1 - width for width in wrapped])
