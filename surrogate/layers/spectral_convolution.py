"""Convolution with a kernel given by its low Fourier coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.low_frequencies import from_complex, from_real, to_complex, to_real
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

    def forward(
        self, x: Float[Tensor, "batch channel *space"], shape: Sequence[int] | None = None
    ) -> Float[Tensor, "batch out *points"]:
        """Return the convolution, on a grid of this shape; raise `InputError` where a grid does not hold the window."""
        check_window(self.window, x.shape[2:])
        shape = x.shape[2:] if shape is None else shape
        check_window(self.window, shape)
        dtype = torch.promote_types(x.dtype, torch.float32)
        weight = self.weight() if isinstance(self.weight, TuckerTensor) else self.weight
        weight = torch.view_as_complex(weight.to(dtype))
        y = multiply(analyse(x.to(dtype).contiguous(), self.window), weight)
        y = synthesise(y, shape).to(x.dtype)
        return y if self.bias is None else y + self.bias

    def factorize(self, rank: float) -> None:
        """Put new initial weights in Tucker form in place of the full ones: see `TuckerTensor`."""
        del self.weight
        self.weight = TuckerTensor(self.shape, rank=rank, std=self.std)


def analyse(
    x: Float[Tensor, "batch channel *space"], window: Sequence[int]
) -> Complex[Tensor, "batch channel *window"]:
    """Return the Fourier coefficients of real fields in a window: see `SpectralConvolution`."""
    y = from_real(x, window[-1])
    for axis, kept in enumerate(window[:-1], start=2):
        y = from_complex(y, axis, kept)
    return y


def synthesise(
    y: Complex[Tensor, "batch channel *window"], shape: Sequence[int]
) -> Float[Tensor, "batch channel *space"]:
    """Return the real fields with these Fourier coefficients in a window on a grid of this shape."""
    for axis, n in enumerate(shape[:-1], start=2):
        y = to_complex(y, axis, n)
    return to_real(y, shape[-1])


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
