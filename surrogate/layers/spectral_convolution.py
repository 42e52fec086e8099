"""Convolution with a kernel given by its low Fourier coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.tucker_tensor import TuckerTensor


class SpectralConvolution(nn.Module):
    r"""Multiply the low Fourier coefficients of a field by a matrix for each wavenumber; drop the others.

    .. math:: \hat y_o(k) = \sum_i W_{io}(k)\, \hat x_i(k) \text{ for } k \text{ in the window, } 0 \text{ else}

    The window holds, in the half spectrum of a real field, ``window[-1]`` wavenumbers :math:`0, 1, \dots` of the last
    axis and ``window[i]`` wavenumbers of both signs around zero, :math:`-\lfloor w/2 \rfloor, \dots`, of the others.
    Any resolution that holds the window enters. The transforms run in float32 at least, also under autocast.

    Parameters
    ----------
    in_channels, out_channels
        Channels.
    window
        Number of Fourier coefficients kept along each axis.
    std
        Standard deviation of real and imaginary part of the initial weights.
    bias_std
        Standard deviation of the initial bias; None for no bias.

    Notes
    -----
    The weights are real, ``(in_channels, out_channels, *window, 2)``, so that safetensors, distributed training and
    autocast take them. The imaginary part of the mean and of the Nyquist wavenumber has no effect on a real field:
    it is dropped here, because transform libraries differ in what they make of it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        window: Sequence[int],
        *,
        std: float,
        bias_std: float | None = None,
    ) -> None:
        super().__init__()
        self.window = tuple(window)
        self.shape, self.std = (in_channels, out_channels, *self.window), std
        self.weight: nn.Parameter | TuckerTensor = nn.Parameter(std * torch.randn(*self.shape, 2))
        ones = (1,) * len(self.window)
        self.bias = None if bias_std is None else nn.Parameter(bias_std * torch.randn(out_channels, *ones))

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch out *space"]:
        """Return the convolution; raise `InputError` where the grid does not hold the window."""
        shape = x.shape[2:]
        check_window(self.window, shape)
        dtype = torch.promote_types(x.dtype, torch.float32)
        weight = self.weight() if isinstance(self.weight, TuckerTensor) else self.weight
        weight = torch.view_as_complex(weight.to(dtype))
        y = multiply(self._analyse(x.to(dtype).contiguous()), weight)
        y = self._synthesise(y, shape).to(x.dtype)
        return y if self.bias is None else y + self.bias

    def factorize(self, rank: float) -> None:
        """Put new initial weights in Tucker form in place of the full ones: see `TuckerTensor`."""
        del self.weight
        self.weight = TuckerTensor(self.shape, rank=rank, std=self.std)

    def _analyse(self, x: Tensor) -> Complex[Tensor, "batch channel *window"]:
        y: Tensor = torch.fft.rfft(x, norm="forward")[..., : self.window[-1]]
        for axis, kept in enumerate(self.window[:-1], start=2):
            low = torch.arange(-(kept // 2), kept - kept // 2, device=x.device) % x.shape[axis]
            y = torch.fft.fft(y, dim=axis, norm="forward").index_select(axis, low)
        return y

    def _synthesise(self, y: Tensor, shape: Sequence[int]) -> Float[Tensor, "batch channel *space"]:
        for axis, kept in enumerate(self.window[:-1], start=2):
            behind = [0, 0] * (y.ndim - 1 - axis) + [0, shape[axis - 2] - kept]
            y = torch.fft.ifft(F.pad(y, behind).roll(-(kept // 2), axis), dim=axis, norm="forward")
        n, kept = shape[-1], self.window[-1]
        ends = [y[..., :1].real.to(y.dtype), y[..., 1:]]
        if kept == n // 2 + 1 and n % 2 == 0:
            ends = [ends[0], y[..., 1:-1], y[..., -1:].real.to(y.dtype)]
        x: Tensor = torch.fft.irfft(torch.cat(ends, dim=-1), n=n, norm="forward")
        return x


def multiply(
    y: Complex[Tensor, "batch channel *window"], weight: Complex[Tensor, "channel out *window"]
) -> Complex[Tensor, "batch out *window"]:
    """Return the product of the channels with a matrix for each wavenumber."""
    # wavenumbers in front: one copy of each, where a product of strided matrices copies every matrix alone
    one, two = (z.flatten(2).permute(2, 0, 1).contiguous() for z in (y, weight))
    return torch.unflatten((one @ two).permute(1, 2, 0), 2, y.shape[2:])


def check_window(window: Sequence[int], shape: Sequence[int]) -> None:
    """Raise `InputError` unless the half spectrum of a real field of this shape holds the window."""
    held = (*shape[:-1], shape[-1] // 2 + 1)
    if any(kept > size for kept, size in zip(window, held, strict=True)):
        got = f"{tuple(window)} on a grid of shape {tuple(shape)}"
        raise expected(f"at most {held} Fourier coefficients", got, "Use fewer modes or a finer grid.")
