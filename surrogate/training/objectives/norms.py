"""Norms over channels and points, one for each sample."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.meshes.points import Points
from surrogate.datasets.transfer.grid_weights import norm_weights


def relative(error: Tensor, target: Tensor, domain: Grid | Points) -> Tensor:
    """Return the norm of the error over that of the target, finite also where the target is zero."""
    floor = torch.finfo(target.dtype).tiny ** 0.5  # below it squares underflow
    return norms(error, domain) / norms(target, domain).clamp_min(floor)


def norms(values: Tensor, domain: Grid | Points) -> Tensor:
    """Return the Euclidean norm of each sample; its gradient is 0 where all values are."""
    if isinstance(domain, Points):
        return totals(values.square(), domain).clamp_min(torch.finfo(values.dtype).tiny).sqrt()
    result: Tensor = torch.linalg.vector_norm(weighted(values, domain), dim=1)
    return result


def weighted(frames: Tensor, domain: Grid) -> Tensor:
    """Return the frames, flat, times the roots of the weights of their points in a mean of squares."""
    weights = norm_weights(domain)
    return (frames if weights is None else frames * weights.sqrt().to(frames)).flatten(1)


def totals(values: Tensor, points: Points) -> Tensor:
    """Return for each sample the sum over its points and all channels."""
    return values.new_zeros(points.n_samples).index_add(0, points.batch, values.sum(1))
