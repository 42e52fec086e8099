"""What training minimizes: one number per sample, in physical units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.axes import UNIFORM, Axis
from surrogate.datasets.errors import expected
from surrogate.datasets.grid import Grid
from surrogate.datasets.grid_weights import norm_weights
from surrogate.datasets.points import Points

Frames = Float[Tensor, "rows channel *space"]
PerSample = Float[Tensor, " batch"]
Domain = Grid | Points


@runtime_checkable
class Objective(Protocol):
    """A loss for each sample; `fit` averages over the samples of a batch.

    Fields are ``(batch, channel, *space)`` on a grid; where points differ by sample they are ``(points, channel)``, and
    the domain is the `Points` they lie on.

    With the attribute ``standardized = True`` it is given fields normalized as the network's output is.
    """

    def __call__(self, prediction: Frames, target: Frames, domain: Domain) -> PerSample:
        """Return one loss per sample. ``domain`` has the resolution of the tensors."""


@dataclass(frozen=True)
class RelativeL2:
    r"""Relative error :math:`\lVert p - t \rVert_2 / \lVert t \rVert_2`, jointly over channels and space.

    The norms are root-mean-squares over the points, on stretched axes with quadrature weights (uniform ones: the same
    ratio as with them up to the half weights at closed ends). For a target that is zero it is huge, but finite.
    """

    def __call__(self, prediction: Frames, target: Frames, domain: Domain) -> PerSample:
        """Return the relative error of each sample."""
        return _ratio(prediction - target, target, domain)


@dataclass(frozen=True)
class H1:
    r"""Relative L2 error plus ``weight`` times the relative error of the gradient.

    .. math::

        \frac{\lVert p - t \rVert}{\lVert t \rVert}
        + w \frac{\lVert \nabla (p - t) \rVert}{\lVert \nabla t \rVert}

    The gradient is spectral along uniform periodic axes and by second-order differences, with the true spacing of the
    grid, along the others.

    Parameters
    ----------
    weight
        :math:`w \ge 0`; good values are 0.01 to 1.
    """

    weight: float = 0.1

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise expected("a weight of at least 0", self.weight, "Correct `weight`.")

    def __call__(self, prediction: Frames, target: Frames, domain: Domain) -> PerSample:
        """Return the weighted sum of both relative errors of each sample."""
        if isinstance(domain, Points):
            raise expected("fields on a grid for a gradient", "fields on points", "Use another objective.")
        error = prediction - target
        seminorm = _ratio(gradient(error, domain), gradient(target, domain), domain)
        return _ratio(error, target, domain) + self.weight * seminorm


@dataclass(frozen=True)
class MeanSquare:
    r"""Mean of :math:`(p - t)^2` over channels and space, each field in units of its deviation in the training part.

    The loss of forecasters: a window that is small counts little, other than in `RelativeL2`.
    """

    standardized: ClassVar[bool] = True

    def __call__(self, prediction: Frames, target: Frames, domain: Domain) -> PerSample:
        """Return the mean square of each sample."""
        error = prediction - target
        if isinstance(domain, Points):
            return _totals(error.square(), domain) / (domain.counts * error.shape[1])
        return _weighted(error, domain).square().mean(1)


def gradient(frames: Frames, domain: Grid) -> Float[Tensor, "batch component *space"]:
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


def _weighted(frames: Tensor, domain: Grid) -> Tensor:
    """Return the frames, flat, times the roots of the weights of their points in a mean of squares."""
    weights = norm_weights(domain)
    return (frames if weights is None else frames * weights.sqrt().to(frames)).flatten(1)


def _spectral_derivative(frames: Tensor, dim: int, length: float) -> Tensor:
    n = frames.shape[dim]
    wavenumber = 2 * torch.pi * torch.fft.rfftfreq(n, d=length / n, device=frames.device, dtype=frames.dtype)
    if n % 2 == 0:
        wavenumber[-1] = 0.0  # the derivative of the Nyquist mode vanishes on the grid
    shape = (-1,) + (1,) * (frames.ndim - dim - 1)
    derivative: Tensor = torch.fft.irfft(1j * wavenumber.view(shape) * torch.fft.rfft(frames, dim=dim), n=n, dim=dim)
    return derivative


def _ratio(error: Tensor, target: Tensor, domain: Domain) -> Tensor:
    floor = torch.finfo(target.dtype).tiny ** 0.5  # below it squares underflow
    return _norms(error, domain) / _norms(target, domain).clamp_min(floor)


def _norms(values: Tensor, domain: Domain) -> Tensor:
    """Return the Euclidean norm of each sample; its gradient is 0 where all values are."""
    if isinstance(domain, Points):
        return _totals(values.square(), domain).clamp_min(torch.finfo(values.dtype).tiny).sqrt()
    norms: Tensor = torch.linalg.vector_norm(_weighted(values, domain), dim=1)
    return norms


def _totals(values: Tensor, points: Points) -> Tensor:
    """Return for each sample the sum over its points and all channels."""
    return values.new_zeros(points.n_samples).index_add(0, points.batch, values.sum(1))
