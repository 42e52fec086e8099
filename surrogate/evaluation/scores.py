"""All errors of one member."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.evaluation.conservation import Invariants, drift
from surrogate.evaluation.correlations import correlation, correlation_time
from surrogate.evaluation.metrics import (
    Frames,
    boundary_error,
    geometric_mean,
    h1,
    max_error,
    nrmse,
    relative_l2,
    vrmse,
)
from surrogate.evaluation.spectra import BANDS, energy_spectrum, has_spectrum, log_spectral_distance, spectral_error

Variable = tuple[tuple[str, ...], np.ndarray]

#: Correlations below which a prediction counts as decorrelated.
THRESHOLDS = (0.8, 0.9)
#: Prefix of the variables that hold the drift of a conserved quantity.
DRIFT = "drift_of_"


@dataclass(frozen=True)
class Target:
    """What is to be predicted: frames of the reference after the start, and what scoring them needs.

    ``initial`` is the last given frame, None for a steady map; ``invariants`` are those of the equation, if it has any.
    """

    names: tuple[str, ...]
    grid: Grid
    frames: Tensor
    lead_times: np.ndarray
    initial: Tensor | None = None
    invariants: Invariants | None = None

    @property
    def steady(self) -> bool:
        """Whether there is no time."""
        return self.initial is None

    def score(self, prediction: xr.Dataset) -> xr.Dataset:
        """Return all errors of predicted fields: see `score`."""
        frames = to_tensor(prediction, self.names, torch.float64)
        return score(frames.unsqueeze(1) if self.steady else frames, self)


def headline(prediction: Frames, target: Frames, grid: Grid | None = None) -> Float[Tensor, " sample"]:
    """Return the one error by which members are ranked: relative L2 over space and all times, the mean over fields."""
    return relative_l2(prediction, target, grid, over=("time",)).mean(dim=1)


def score(prediction: Frames, target: Target) -> xr.Dataset:
    """Return all errors of ``prediction``: variables over sample, time and field; ``error`` is `headline`."""
    per_frame = ("sample", "time", "field")
    goal, grid = target.frames, target.grid
    measured = {
        "relative_l2": relative_l2(prediction, goal, grid),
        "nrmse": nrmse(prediction, goal, grid),
        "vrmse": vrmse(prediction, goal, grid),
        "h1": h1(prediction, goal, grid),
        "max_error": max_error(prediction, goal),
        "correlation": correlation(prediction, goal, grid),
    }
    if not all(grid.is_periodic):
        measured["boundary_error"] = boundary_error(prediction, goal, grid)
    variables: dict[str, Variable] = {name: (per_frame, values.numpy()) for name, values in measured.items()}
    variables["geometric_l2"] = (("sample", "field"), geometric_mean(measured["relative_l2"]).numpy())
    variables["error"] = (("sample",), headline(prediction, goal, grid).numpy())
    variables["joint_l2"] = (("sample", "time"), relative_l2(prediction, goal, grid, over=("channel",)).numpy())
    variables["finite_frames"] = (("sample",), _finite_frames(prediction).numpy())
    scores = xr.Dataset(variables, {"field": list(target.names), "time": target.lead_times})
    if has_spectrum(grid):
        scores = scores.merge(_spectral(prediction, target))
    if target.steady:
        return scores
    return scores.merge(_over_time(prediction, target, measured["correlation"]))


def reference_scores(target: Target, refined: Tensor | None) -> xr.Dataset:
    """Return the spectrum of the target and, with ``refined`` solutions of its first samples, its own error.

    Attribute ``floor`` is the largest `headline` error among those samples, variable ``floor`` the largest relative L2
    error at each time.
    """
    scores = xr.Dataset()
    if has_spectrum(target.grid):
        _, energy = energy_spectrum(target.frames[:, -1:], target.grid)
        scores["reference_spectrum"] = (("field", "wavenumber"), energy[:, 0].mean(dim=0).numpy())
    if refined is not None:
        few = target.frames[: len(refined)]
        scores["floor"] = (("time",), relative_l2(few, refined, target.grid).mean(dim=2).amax(dim=0).numpy())
        scores.attrs["floor"] = float(headline(few, refined, target.grid).max())
    return scores


def _spectral(prediction: Tensor, target: Target) -> xr.Dataset:
    bands = spectral_error(prediction, target.frames, target.grid)
    k, energy = energy_spectrum(prediction[:, -1:], target.grid)
    distance = log_spectral_distance(prediction, target.frames, target.grid)
    return xr.Dataset(
        {
            "log_spectral_distance": (("sample", "time", "field"), distance.numpy()),
            "spectral_error": (("sample", "time", "field", "band"), bands.numpy()),
            "spectrum": (("field", "wavenumber"), energy[:, 0].mean(dim=0).numpy()),
        },
        {"band": list(BANDS), "wavenumber": k.numpy()},
    )


def _over_time(prediction: Tensor, target: Target, correlations: Tensor) -> xr.Dataset:
    lead_times = torch.from_numpy(target.lead_times)
    found = [correlation_time(correlations, lead_times, threshold=value) for value in THRESHOLDS]
    until, censored = (torch.stack(parts, dim=-1).numpy() for parts in zip(*found, strict=True))
    variables: dict[str, Variable] = {
        "correlation_time": (("sample", "field", "threshold"), until),
        "correlation_censored": (("sample", "field", "threshold"), censored),
    }
    if target.invariants is not None:
        assert target.initial is not None
        for name, values in drift(target.invariants, target.initial, prediction).items():
            variables[f"{DRIFT}{name}"] = (("sample", "time"), values.numpy())
    return xr.Dataset(variables, {"threshold": list(THRESHOLDS)})


def _finite_frames(prediction: Tensor) -> Tensor:
    """Return for each sample how many frames come before the first that is not finite."""
    finite = torch.isfinite(prediction.flatten(2)).all(-1)
    return finite.int().cumprod(dim=1).sum(dim=1)
