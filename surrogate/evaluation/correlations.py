"""How long a prediction stays correlated with the truth."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.evaluation.metrics import Frames, PerFrame, checked, weights_on

THRESHOLD = 0.8


def correlation(prediction: Frames, target: Frames, grid: Grid | None = None) -> PerFrame:
    """Return Pearson's correlation over space for each sample, time and channel.

    Exactly 1 for equal frames. 0 where the prediction is not finite, or where one of two different frames is constant.
    """
    p, t = checked(prediction, target)
    weights = torch.as_tensor(weights_on(grid)).flatten()
    a, b = (_anomaly(frames.flatten(3), weights) for frames in (p, t))
    scale = (a.square().sum(-1) * b.square().sum(-1)).sqrt()  # in this order sqrt(s * s) is s exactly
    value = (a * b).sum(-1) / scale
    same = (p == t).flatten(3).all(-1)
    defined = torch.where(scale > 0, value, torch.zeros_like(value)).nan_to_num(0.0)
    return torch.where(same, torch.ones_like(value), defined)


def correlation_time(
    correlations: PerFrame, lead_times: Float[Tensor, " time"], *, threshold: float = THRESHOLD
) -> tuple[Float[Tensor, "sample channel"], Bool[Tensor, "sample channel"]]:
    """Return when the correlation first falls below ``threshold``, and where it never does.

    Linear between the outputs, from correlation 1 at lead time 0. Where it never falls below, the time is censored: it
    is the last lead time, and the second tensor is true.

    Parameters
    ----------
    correlations
        From `correlation`.
    lead_times
        Times since the last given frame, positive and increasing.
    threshold
        0.8, or 0.9 for a stricter measure.

    Raises
    ------
    InputError
        Lead times that are not positive and increasing, or not one for each frame.
    """
    times = lead_times.double()
    if len(times) != correlations.shape[1] or not bool((torch.diff(times, prepend=times.new_zeros(1)) > 0).all()):
        do = "Count time from the last given frame."
        raise expected(f"{correlations.shape[1]} positive, increasing lead times", lead_times.tolist(), do)
    values = torch.cat([torch.ones_like(correlations[:, :1]), correlations], dim=1)
    times = torch.cat([times.new_zeros(1), times])
    below = values < threshold
    censored = ~below.any(dim=1)
    first = below.int().argmax(dim=1).clamp(min=1)
    after = values.gather(1, first[:, None])[:, 0]
    before = values.gather(1, first[:, None] - 1)[:, 0]
    share = (before - threshold) / (before - after)
    crossing = times[first - 1] + share * (times[first] - times[first - 1])
    return torch.where(censored, times[-1], crossing), censored


def _anomaly(points: Tensor, weights: Tensor) -> Tensor:
    """Return the deviations from the mean, scaled to at most 1 so that their squares neither over- nor underflow.

    Times the roots of the weights.
    """
    deviation = (points - (points * weights).mean(-1, keepdim=True)) * weights.sqrt()
    largest = deviation.abs().amax(-1, keepdim=True)
    return deviation / torch.where(largest > 0, largest, torch.ones_like(largest))
