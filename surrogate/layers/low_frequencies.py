"""The low Fourier coefficients along an axis and the way back: by fast transforms, or by products with small matrices.

Fast transforms of lengths with a large prime factor take many times as long as those of other lengths (85 and 141
points along an axis are common); for these, where few coefficients are wanted, the definition itself is quicker.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float, Int
from torch import Tensor

LARGEST_PRIME, MOST = 13, 64


def is_fast(n: int, kept: int) -> bool:
    """Return whether a fast transform of this length is preferred, where this many coefficients are kept."""
    if kept > MOST:
        return True
    for factor in range(2, LARGEST_PRIME + 1):
        while n % factor == 0:
            n //= factor
    return n == 1


def from_real(x: Float[Tensor, "*axes n"], kept: int) -> Complex[Tensor, "*axes kept"]:
    r"""Return the coefficients of the wavenumbers :math:`0, 1, \dots` along the last axis."""
    n = x.shape[-1]
    if is_fast(n, kept):
        spectrum: Tensor = torch.fft.rfft(x, norm="forward")
        return spectrum[..., :kept]
    matrix = torch.view_as_real(waves(n, torch.arange(kept, device=x.device), x.dtype))
    y = exact_product(x, matrix.transpose(0, 1).flatten(1) / n)
    return torch.view_as_complex(torch.unflatten(y, -1, (kept, 2)))


def to_real(y: Complex[Tensor, "*axes kept"], n: int) -> Float[Tensor, "*axes n"]:
    """Return the real field of these coefficients; the imaginary part of the mean and the Nyquist wavenumber is 0."""
    kept = y.shape[-1]
    is_nyquist = kept == n // 2 + 1 and n % 2 == 0
    if is_fast(n, kept):
        ends = [y[..., :1].real.to(y.dtype), y[..., 1:]]
        if is_nyquist:
            ends = [ends[0], y[..., 1:-1], y[..., -1:].real.to(y.dtype)]
        x: Tensor = torch.fft.irfft(torch.cat(ends, dim=-1), n=n, norm="forward")
        return x
    matrix = torch.view_as_real(waves(n, torch.arange(kept, device=y.device), y.real.dtype)).transpose(1, 2)
    single = [1.0] + [2.0] * (kept - 1 - is_nyquist) + [1.0] * is_nyquist  # the others stand for both signs
    matrix = matrix * torch.tensor(single, dtype=matrix.dtype, device=y.device)[:, None, None]
    return exact_product(torch.view_as_real(y).flatten(-2), matrix.flatten(0, 1))


def from_complex(y: Complex[Tensor, "*axes"], axis: int, kept: int) -> Complex[Tensor, "*low"]:
    r"""Return the coefficients of the wavenumbers :math:`-\lfloor k/2 \rfloor, \dots` of both signs along an axis."""
    n, low = y.shape[axis], both_signs(kept, y.device)
    if is_fast(n, kept):
        spectrum: Tensor = torch.fft.fft(y, dim=axis, norm="forward")
        return spectrum.index_select(axis, low % n)
    return (waves(n, low, y.real.dtype) / n @ y.movedim(axis, -2)).movedim(-2, axis)


def to_complex(y: Complex[Tensor, "*low"], axis: int, n: int) -> Complex[Tensor, "*axes"]:
    """Return the field of these coefficients along an axis."""
    kept = y.shape[axis]
    if is_fast(n, kept):
        behind = [0, 0] * (y.ndim - 1 - axis) + [0, n - kept]
        field: Tensor = torch.fft.ifft(F.pad(y, behind).roll(-(kept // 2), axis), dim=axis, norm="forward")
        return field
    matrix = waves(n, both_signs(kept, y.device), y.real.dtype).mH
    return (matrix @ y.movedim(axis, -2)).movedim(-2, axis)


def both_signs(kept: int, device: torch.device) -> Int[Tensor, " kept"]:
    """Return wavenumbers of both signs around zero."""
    return torch.arange(-(kept // 2), kept - kept // 2, device=device)


def waves(n: int, wavenumbers: Int[Tensor, " kept"], dtype: torch.dtype) -> Complex[Tensor, "kept n"]:
    r"""Return :math:`e^{-2 \pi i k j / n}` for each wavenumber :math:`k` and each of ``n`` points :math:`j`."""
    turns = (
        wavenumbers[:, None] * torch.arange(n, device=wavenumbers.device) % n
    )  # in whole numbers, so nothing is lost
    phases = -2 * math.pi / n * turns.to(dtype)
    return torch.complex(phases.cos(), phases.sin())


def exact_product(x: Float[Tensor, "*axes one"], matrix: Float[Tensor, "one two"]) -> Float[Tensor, "*axes two"]:
    """Return ``x @ matrix`` in the precision of ``x``, also under autocast."""
    with torch.autocast(x.device.type, enabled=False):
        return x @ matrix
