"""Errors of predicted frames, accumulated in float64; a prediction that is not finite has the error infinity.

Norms and means over space count all points the same. With a ``grid`` whose axes are stretched they are weighted with
its quadrature along these.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.transfer.grid_weights import norm_weights
from surrogate.training.objectives.derivatives import gradient

Frames = Float[Tensor, "sample time channel *space"]
PerFrame = Float[Tensor, "sample time channel"]

_AXES = {"time": 1, "channel": 2}


def relative_l2(
    prediction: Frames, target: Frames, grid: Grid | None = None, *, over: Sequence[str] = ()
) -> Float[Tensor, "sample ..."]:
    r"""Return :math:`\lVert p - t \rVert_2 / \lVert t \rVert_2` for each sample, time and channel.

    The norms run over space; with ``over=("time",)`` over time too, with ``over=("channel",)`` jointly over the fields,
    which is another number than the mean over fields. The axes in ``over`` are absent from the result.

    Raises
    ------
    InputError
        Shapes that differ, or a target that is not finite; so do all metrics.
    """
    p, t = checked(prediction, target)
    reduced = sorted({_AXES[name] for name in over}) + list(range(3, t.ndim))
    root = weights_on(grid) ** 0.5
    error, scale = (torch.linalg.vector_norm(frames * root, dim=reduced) for frames in (p - t, t))
    return guarded(ratio(error, scale), p, reduced)


def nrmse(prediction: Frames, target: Frames, grid: Grid | None = None) -> PerFrame:
    r"""Return the root-mean-square error over space, relative to that of the field over all samples and times.

    A frame of small amplitude counts little, other than in `relative_l2`, where every frame has its own scale.
    """
    p, t = checked(prediction, target)
    space, weights = list(range(3, t.ndim)), weights_on(grid)
    scale = (t.square() * weights).mean(dim=[0, 1, *space]).sqrt()
    error = ((p - t).square() * weights).mean(dim=space).sqrt()
    return guarded(ratio(error, scale.expand(t.shape[:3])), p, space)


def vrmse(prediction: Frames, target: Frames, grid: Grid | None = None) -> PerFrame:
    r"""Return the root-mean-square error over space, relative to the standard deviation of the frame.

    .. math:: \sqrt{\langle (p - t)^2 \rangle \,/\, (\langle (t - \langle t \rangle)^2 \rangle + \epsilon)}

    The spatial mean as prediction scores 1 for every field that varies, however little: :math:`\epsilon` is the square
    of the round-off of the field itself, :math:`(\epsilon_\mathrm{mach}\, t_\mathrm{rms})^2` (compare arXiv 2412.00568,
    where it is fixed at 1e-7).
    """
    p, t = checked(prediction, target)
    space, weights = list(range(3, t.ndim)), weights_on(grid)
    anomaly = t - (t * weights).mean(dim=space, keepdim=True)
    error, variance, square = ((frames.square() * weights).mean(dim=space) for frames in (p - t, anomaly, t))
    epsilon = torch.finfo(target.dtype).eps ** 2 * square
    return guarded(ratio(error, variance + epsilon).sqrt(), p, space)


def h1(prediction: Frames, target: Frames, grid: Grid) -> PerFrame:
    r"""Return the relative error of the gradient, :math:`\lVert \nabla(p - t) \rVert / \lVert \nabla t \rVert`.

    Spectral along uniform periodic axes, by differences of second order along the others.
    """
    p, t = checked(prediction, target)
    error, scale = (_seminorm(frames, grid) for frames in (p - t, t))
    return guarded(ratio(error, scale), p, list(range(3, t.ndim)))


def max_error(prediction: Frames, target: Frames) -> PerFrame:
    r"""Return :math:`\max |p - t|` over space, in the unit of the field."""
    p, t = checked(prediction, target)
    space = list(range(3, t.ndim))
    return guarded((p - t).abs().amax(dim=space), p, space)


def boundary_error(prediction: Frames, target: Frames, grid: Grid) -> PerFrame:
    r"""Return the root-mean-square error over the outermost points of all axes that are not periodic.

    In the unit of the field; all these nodes, or cells, count the same (bRMSE of arXiv 2210.07182).

    Raises
    ------
    InputError
        All axes are periodic.
    """
    p, t = checked(prediction, target)
    rim = boundary_mask(grid)
    if not bool(rim.any()):
        raise expected("a grid with a boundary", "one that is periodic along all axes", "Leave this error out.")
    on_rim = p.flatten(3)[..., rim.flatten()]
    error = (on_rim - t.flatten(3)[..., rim.flatten()]).square().mean(-1).sqrt()
    return guarded(error, on_rim, [3])


def boundary_mask(grid: Grid) -> Bool[Tensor, "*space"]:
    """Return which points are the outermost of an axis that is not periodic."""
    rim = torch.zeros(grid.shape, dtype=torch.bool)
    for axis, wraps in enumerate(grid.is_periodic):
        if not wraps:
            rim.index_fill_(axis, torch.tensor([0, grid.shape[axis] - 1]), True)
    return rim


def geometric_mean(errors: PerFrame) -> Float[Tensor, "sample channel"]:
    r"""Return :math:`\exp \langle \log e \rangle` over the times of a rollout.

    Errors grow exponentially where the flow is chaotic: a plain mean tells of the last frames only (arXiv 2411.00180).
    Zero where one error is zero, infinite where one is infinite.
    """
    infinite = torch.isinf(errors).any(dim=1)
    return errors.double().log().mean(dim=1).exp().masked_fill(infinite, torch.inf)


def checked(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in float64; raise `InputError` where they cannot be compared."""
    if prediction.shape != target.shape:
        got = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise expected("prediction and target of equal shape", got, "Compare the same samples, times and points.")
    if not bool(torch.isfinite(target).all()):
        raise expected("a finite target", "values that are not finite", "Repair the truth.")
    return prediction.double(), target.double()


def weights_on(grid: Grid | None) -> Tensor | float:
    """Return what each point counts in a mean over space."""
    weights = None if grid is None else norm_weights(grid)
    return 1.0 if weights is None else weights


def ratio(error: Tensor, scale: Tensor) -> Tensor:
    """Return ``error / scale``: 0 where there is no error, infinity where there is one but no scale."""
    return torch.where(error == 0, torch.zeros_like(error), error / scale)


def guarded(value: Tensor, prediction: Tensor, reduced: list[int]) -> Tensor:
    """Return ``value``, infinite where the prediction is not finite along the axes ``reduced``."""
    broken = ~torch.isfinite(prediction).all(dim=reduced[-1])
    for axis in reversed(reduced[:-1]):
        broken = broken.any(dim=axis)
    return value.masked_fill(broken | value.isnan(), torch.inf)


def _seminorm(frames: Tensor, grid: Grid) -> Tensor:
    slopes = gradient(frames.flatten(0, 1), grid) * weights_on(grid) ** 0.5
    parts = slopes.reshape(*frames.shape[:2], grid.dim, frames.shape[2], -1)
    norm: Tensor = torch.linalg.vector_norm(parts, dim=(2, 4))
    return norm
