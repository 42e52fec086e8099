"""Several trainings of one model: their mean, and what they tell together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from surrogate.datasets.samples.tensors import to_tensor
from surrogate.evaluation.ensembles import crps, spread_and_skill
from surrogate.evaluation.scores import Target


def over_seeds(scores: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return the scores of all seeds along a new first dimension ``seed``."""
    return xr.concat(scores, xr.Variable("seed", np.arange(len(scores))), join="exact")


def mean_over_seeds(scores: xr.Dataset) -> xr.Dataset:
    """Return the mean of each score.

    Of the frames before the first that is not finite it is the smallest number; a correlation time is censored where
    that of all seeds is.
    """
    mean = scores.mean("seed", skipna=False)
    extremes = {"finite_frames": scores["finite_frames"].min("seed")}
    if "correlation_censored" in scores:
        extremes["correlation_censored"] = scores["correlation_censored"].all("seed")
    return mean.assign(extremes)


def as_ensemble(predictions: Sequence[xr.Dataset], target: Target) -> xr.Dataset:
    """Return CRPS, spread and skill of the seeds taken as one ensemble, on a grid.

    All three are in the unit of the field: ``crps`` over sample, time and field; ``spread`` and ``skill`` over time and
    field.
    """
    frames = torch.stack([to_tensor(fields, target.names, torch.float64) for fields in predictions])
    frames = frames.unsqueeze(2) if target.steady else frames
    spread, skill = spread_and_skill(frames, target.frames, target.grid)
    return xr.Dataset(
        {
            "crps": (("sample", "time", "field"), crps(frames, target.frames, target.grid).numpy()),
            "spread": (("time", "field"), spread.numpy()),
            "skill": (("time", "field"), skill.numpy()),
        },
        {"field": list(target.names), "time": target.lead_times},
    )
