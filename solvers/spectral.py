"""Fourier modes on periodic grids: wavenumbers, the modes whose products are free of aliasing."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid


def require_periodic(grid: Grid) -> None:
    """Raise `InputError` unless every axis of ``grid`` is periodic and uniform."""
    if not all(grid.is_periodic):
        raise expected("a periodic grid", f"boundary {grid.boundary}", "Make it with Grid(..., periodic=True).")
    if not all(grid.is_uniform):
        do = "Fourier modes need equally spaced points: resample the fields (surrogate.datasets.resample)."
        raise expected("a uniform periodic grid", f"axes {grid.kinds}", do)


def require_line(grid: Grid) -> None:
    """Raise `InputError` unless ``grid`` has one dimension."""
    if grid.dim != 1:
        raise expected("a grid of one dimension", grid.shape, "Use Grid((n,), periodic=True).")


def n_retained(n: int, degree: int = 2) -> int:
    """Return how many one-sided modes 0, 1, ... satisfy ``k < n / (degree + 1)``.

    Products of ``degree`` fields that hold only these modes are free of aliasing in these modes: Orszag's 2/3 rule for
    two fields, all modes but that of Nyquist for one.
    """
    return math.ceil(n / (degree + 1))


def frequencies(shape: tuple[int, ...], degree: int = 2) -> tuple[Tensor, ...]:
    """Return the integer frequencies of the modes that `to_modes` keeps, float64, one broadcastable tensor an axis.

    The last axis is one-sided and already cut to its `n_retained` modes; the others hold both signs.
    """
    axes = [torch.fft.fftfreq(n, 1 / n, dtype=torch.float64) for n in shape[:-1]]
    axes.append(torch.arange(n_retained(shape[-1], degree), dtype=torch.float64))
    return tuple(k.reshape(-1, *[1] * (len(shape) - 1 - axis)) for axis, k in enumerate(axes))


def wavenumbers(grid: Grid, degree: int = 2) -> tuple[Tensor, ...]:
    r"""Return the wavenumbers :math:`2 \pi m / L` of the modes that `to_modes` keeps, one tensor an axis."""
    modes = frequencies(grid.shape, degree)
    return tuple(2 * math.pi / length * m for length, m in zip(grid.lengths, modes, strict=True))


def squared_wavenumber(grid: Grid, degree: int = 2) -> Float[Tensor, "*modes"]:
    """Return :math:`|k|^2` of the modes that `to_modes` keeps."""
    return sum((k.square() for k in wavenumbers(grid, degree)), torch.zeros((), dtype=torch.float64))


def retained(shape: tuple[int, ...], degree: int = 2) -> Bool[Tensor, "*modes"]:
    """Return which of the modes that `to_modes` keeps satisfy ``|k| < n / (degree + 1)`` on every axis.

    The Nyquist modes of even axes, whose derivative is undefined, are never among them.
    """
    mask = torch.ones((), dtype=torch.bool)
    for n, m in zip(shape, frequencies(shape, degree), strict=True):
        mask = mask & ((degree + 1) * m.abs() < n)
    return mask


def to_modes(u: Tensor, dim: int, degree: int = 2) -> Tensor:
    """Transform the last ``dim`` axes of ``u`` to Fourier modes, the last one cut to its `n_retained` modes."""
    modes: Tensor = torch.fft.rfft(u) if dim == 1 else torch.fft.rfftn(u, dim=tuple(range(-dim, 0)))
    return modes[..., : n_retained(u.shape[-1], degree)]


def to_points(modes: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Transform Fourier modes back to the points of a grid of that shape; modes that were cut are zero."""
    if len(shape) > 1:  # the modes that were cut are left out of the transforms of the other axes
        modes = torch.fft.ifftn(modes, dim=tuple(range(-len(shape), -1)))
    u: Tensor = torch.fft.irfft(modes, n=shape[-1])
    return u


def mode_weights(shape: tuple[int, ...], degree: int = 2) -> Float[Tensor, "*modes"]:
    """Return weights of ``|modes|^2`` that sum to the mean square of a field that has no Nyquist modes."""
    last = frequencies(shape, degree)[-1]
    weight = (1 + (last > 0).double()) / math.prod(shape) ** 2  # the one-sided axis stands for both signs
    return weight * retained(shape, degree)


def energy_bands(shape: tuple[int, ...], degree: int = 2) -> Float[Tensor, "band=2 *modes"]:
    """Return weights of ``|modes|^2`` that sum to the mean square of the last modes, and of all modes but the mean.

    The last modes are those in the last third of the retained ones along some axis, ``|k| >= (2/3) n / (degree + 1)``.
    """
    axes = frequencies(shape, degree)
    weight = mode_weights(shape, degree)
    last = torch.stack(
        [(3 * (degree + 1) * m.abs() >= 2 * n).expand(weight.shape) for n, m in zip(shape, axes, strict=True)]
    ).any(0)
    mean = torch.stack([(m == 0).expand(weight.shape) for m in axes]).all(0)
    return torch.stack([weight * last, weight * ~mean])
