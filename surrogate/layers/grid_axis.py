"""The axes of a grid as layers see them: coordinates and quadrature weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected


class GridAxis(NamedTuple):
    """Coordinates of one axis and quadrature weights of sum 1, both ``(samples, point)`` with 1 or all samples."""

    coordinates: Tensor
    weights: Tensor


def grid_axes(
    points: Float[Tensor, "samples *space dim"],
    periodic: Sequence[bool],
    *,
    extent: float | Sequence[float] = 1.0,
    padding: int = 0,
    quadrature: bool = True,
) -> tuple[GridAxis, ...]:
    """Return the axes of a grid that is a product of axes.

    Parameters
    ----------
    points
        Its points in the unit box. Each axis is read off its first line.
    periodic
        For each axis whether it is periodic; with padding none is.
    extent
        Length of the box along every axis, or along each: coordinates are multiplied by it.
    padding
        Points appended at the far end of each axis, at the spacing of the last two.
    quadrature
        Trapezoidal weights; otherwise all points weigh the same.

    Raises
    ------
    InputError
        Less than 2 points along an axis, or lengths for another number of axes.
    """
    shape = tuple(points.shape[1:-1])
    if min(shape) < 2:
        raise expected("at least 2 points along each axis", shape, "Use another network.")
    lengths = [float(extent)] * len(shape) if isinstance(extent, int | float) else extent
    if len(lengths) != len(shape):
        raise expected(f"extent of each of {len(shape)} axes", extent, "Give one length, or one for each axis.")
    axes = []
    for axis, (wraps, length) in enumerate(zip(periodic, lengths, strict=True)):
        line = points[..., axis].movedim(axis + 1, 1).reshape(len(points), shape[axis], -1)[..., 0] * length
        last = line[:, -1:]
        beyond = torch.arange(1, padding + 1, dtype=line.dtype, device=line.device) * (last - line[:, -2:-1])
        line = torch.cat([line, last + beyond], dim=1)
        weights = widths(line, length if wraps and not padding else None) if quadrature else torch.ones_like(line)
        axes.append(GridAxis(line, weights / weights.sum(1, keepdim=True)))
    return tuple(axes)


def volumes(axes: Sequence[GridAxis]) -> Float[Tensor, "samples point"]:
    """Return the quadrature weight of every point of a grid; they have sum 1."""
    product = axes[0].weights
    for axis in axes[1:]:
        product = (product[:, :, None] * axis.weights[:, None, :]).flatten(1)
    return product


def widths(line: Float[Tensor, "samples point"], period: float | None) -> Float[Tensor, "samples point"]:
    """Return the trapezoidal weight of every point: half the distance between its neighbors."""
    gaps = line.diff(dim=1)
    if period is None:
        return (F.pad(gaps, (0, 1)) + F.pad(gaps, (1, 0))) / 2
    closing = period - (line[:, -1:] - line[:, :1])
    return (torch.cat([gaps, closing], dim=1) + torch.cat([closing, gaps], dim=1)) / 2
