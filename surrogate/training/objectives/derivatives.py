"""Gradients of fields on a grid."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.axes import UNIFORM, Axis
from surrogate.datasets.grids.grid import Grid


def gradient(frames: Float[Tensor, "batch channel *space"], domain: Grid) -> Float[Tensor, "batch component *space"]:
    """Return the derivatives along all axes, stacked on the channel axis."""
    if not domain.dim:
        raise expected("fields over space for a gradient", "series", "Use another objective or metric.")
    parts = []
    for dim, axis in enumerate(domain.parts, start=2):
        if axis.stretching != UNIFORM:
            parts.append(_differences(frames, dim, axis))
        elif axis.periodic:
            parts.append(_spectral_derivative(frames, dim, axis.length))
        else:
            parts.append(torch.gradient(frames, spacing=axis.spacing, dim=dim, edge_order=2)[0])
    return torch.cat(parts, dim=1)


def _differences(frames: Tensor, dim: int, axis: Axis) -> Tensor:
    """Return the derivative along a stretched axis; a periodic one goes on by one point at both ends."""
    points = torch.as_tensor(axis.points, dtype=frames.dtype, device=frames.device)
    if not axis.periodic:
        return torch.gradient(frames, spacing=(points,), dim=dim, edge_order=2)[0]
    points = torch.cat([points[-1:] - axis.length, points, points[:1] + axis.length])
    around = torch.cat([frames.narrow(dim, -1, 1), frames, frames.narrow(dim, 0, 1)], dim=dim)
    return torch.gradient(around, spacing=(points,), dim=dim)[0].narrow(dim, 1, axis.n)


def _spectral_derivative(frames: Tensor, dim: int, length: float) -> Tensor:
    n = frames.shape[dim]
    wavenumber = 2 * torch.pi * torch.fft.rfftfreq(n, d=length / n, device=frames.device, dtype=frames.dtype)
    if n % 2 == 0:
        wavenumber[-1] = 0.0  # the derivative of the Nyquist mode vanishes on the grid
    shape = (-1,) + (1,) * (frames.ndim - dim - 1)
    derivative: Tensor = torch.fft.irfft(1j * wavenumber.view(shape) * torch.fft.rfft(frames, dim=dim), n=n, dim=dim)
    return derivative
