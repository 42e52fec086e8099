"""Bands around rollouts that hold the truth with a stated probability."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
import xarray as xr
from scipy.stats import betabinom
from torch import Tensor

from surrogate.datasets.domain import domain_of
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, require
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.evaluation.field_errors import at_times
from surrogate.evaluation.metrics import ratio, weights_on
from surrogate.operator import Stepper
from surrogate.rollouts import rollout

Score = Literal["max", "l2"]


@dataclass(frozen=True)
class ConformalBands:
    r"""Bands around the rollout of any stepper, calibrated for each lead time and field (split conformal prediction).

    For each of n calibration trajectories and each lead time t the score is the error relative to the size of the
    prediction, in the largest point or in the mean square,

    .. math::
        s_i(t) = \frac{\max_x |p_i - u_i|}{\operatorname{rms}_x p_i}
        \qquad\text{or}\qquad
        s_i(t) = \frac{\operatorname{rms}_x (p_i - u_i)}{\operatorname{rms}_x p_i}\,,

    and :math:`q(t)` is the :math:`\lceil (n + 1)(1 - \alpha) \rceil`-th smallest of them. A new trajectory,
    exchangeable with those of the calibration, has :math:`s(t) \le q(t)` with a probability of at least
    :math:`1 - \alpha`, the ``level``, whatever the model and the distribution: for ``"max"`` the band
    :math:`p \pm q \operatorname{rms} p` holds the whole field, for ``"l2"`` a ball around the prediction does. That is
    for each lead time and field by itself, on average over calibration sets; `coverage_interval` tells how far one of
    them may be off.

    Make them with `calibrate`. The trajectories must be like those to come and not have been trained on. Those that
    chose the epoch of the training are a little too good; with a large validation part that hardly shows.

    Attributes
    ----------
    model
        The stepper.
    level
        1 - α.
    score
        ``"max"`` or ``"l2"``.
    radii
        q for each field, over ``lead_time``.
    samples
        Number n of calibration trajectories.
    every
        Steps between two lead times.

    References
    ----------
    Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005); Lei et al., J. Am. Stat. Assoc. 113 (2018)
    1094, arXiv 1604.04173.
    """

    model: Stepper
    level: float
    score: Score
    radii: xr.Dataset
    samples: int
    every: int = 1

    @classmethod
    def calibrate(
        cls,
        model: Stepper,
        validation: Fields,
        *,
        level: float = 0.9,
        score: Score = "max",
        steps: int | None = None,
        every: int = 1,
        **options: Any,
    ) -> ConformalBands:
        """Roll ``model`` out from the start of each trajectory and take the quantiles of its scores.

        Parameters
        ----------
        model
            A solver, a surrogate, or another stepper.
        validation
            Trajectories ``(sample, time, *space)`` from the distribution to come, one after the other independent.
        level
            Probability 1 - α with which a band is to hold the truth.
        score
            ``"max"`` for bands that hold every point, ``"l2"`` for balls.
        steps, every
            As in `surrogate.rollout`; default: as far as the trajectories go.
        options
            Further arguments of `surrogate.rollout`.

        Raises
        ------
        InputError
            Too few trajectories for the level, and names the number needed; fields that do not fit the model, or are
            not on a grid.
        """
        truth = as_dataset(validation)
        require(truth, model.out_fields)
        if score not in get_args(Score):
            raise expected(f"a score out of {get_args(Score)}", repr(score), "Choose one.")
        samples = truth.sizes.get("sample", 0)
        rank = conformal_rank(samples, level)
        steps = _frames_ahead(truth, model) if steps is None else steps
        prediction = rollout(model, truth, steps=steps, every=every, keep_going=True, **{"progress": False} | options)
        scores = _scores(prediction, truth, model.out_fields, score)
        radii = np.sort(scores, axis=0)[rank - 1]
        lead = model.dt * every * np.arange(1, len(radii) + 1)
        variables = {name: ("lead_time", radii[:, i]) for i, name in enumerate(model.out_fields)}
        return cls(model, level, score, xr.Dataset(variables, {"lead_time": lead}), samples, every)

    def predict(self, fields: Fields, **options: Any) -> xr.Dataset:
        """Return the rollout from ``fields`` with its bands.

        Beside each field ``u`` there are ``u_radius`` over ``sample`` and ``time``, in the unit of the field, and for
        the score ``"max"`` the fields ``u_lower`` and ``u_upper``; for ``"l2"`` the radius is that of the root mean
        square of the error.
        """
        prediction = self._roll_out(fields, options)
        scale = _rms(to_tensor(prediction, self.model.out_fields, torch.float64), prediction)
        result = prediction.assign_attrs(prediction.attrs | {"band_level": self.level, "band_score": self.score})
        for i, name in enumerate(self.model.out_fields):
            field, attrs = prediction[name], prediction[name].attrs
            values = self.radii[name].values * scale[:, :, i].numpy()
            radius = xr.DataArray(values, dims=("sample", "time"), attrs={"units": attrs["units"]})
            result[f"{name}_radius"] = radius
            if self.score == "max":
                result[f"{name}_lower"] = (field - radius).assign_attrs(attrs)
                result[f"{name}_upper"] = (field + radius).assign_attrs(attrs)
        return result

    def coverage(self, truth: Fields, **options: Any) -> xr.Dataset:
        """Return for each field and time the share of trajectories of ``truth`` that their bands hold."""
        dataset = as_dataset(truth)
        prediction = self._roll_out(dataset, options)
        scores = _scores(prediction, dataset, self.model.out_fields, self.score)
        radii = np.stack([self.radii[name].values for name in self.model.out_fields], axis=-1)
        shares = (scores <= radii).mean(axis=0)
        variables = {name: ("time", shares[:, i]) for i, name in enumerate(self.model.out_fields)}
        return xr.Dataset(variables, {"time": prediction["time"]}, {"samples": len(scores), "level": self.level})

    def coverage_interval(self, samples: int, confidence: float = 0.99) -> tuple[float, float]:
        r"""Return the interval in which the measured coverage of so many test trajectories lies with ``confidence``.

        Exact for scores without ties: with :math:`k = \lceil (n + 1)(1 - \alpha) \rceil` the number covered is
        beta-binomial, :math:`\mathrm{BB}(m, k, n + 1 - k)`.
        """
        rank = conformal_rank(self.samples, self.level)
        number = betabinom(samples, rank, self.samples + 1 - rank)
        tail = (1 - confidence) / 2
        return float(number.ppf(tail)) / samples, float(number.ppf(1 - tail)) / samples

    def _roll_out(self, fields: Fields, options: dict[str, Any]) -> xr.Dataset:
        steps = self.every * self.radii.sizes["lead_time"]
        settings = {"keep_going": True, "progress": False} | options
        return rollout(self.model, fields, steps=steps, every=self.every, **settings)


def conformal_rank(samples: int, level: float) -> int:
    r"""Return :math:`\lceil (n + 1)(1 - \alpha) \rceil`: which of the sorted scores is the radius.

    Raises
    ------
    InputError
        A level that is not between 0 and 1, or too few samples for it.
    """
    if not 0 < level < 1:
        raise expected("a level between 0 and 1", level, "Give the probability 1 - α, such as 0.9.")
    rank = math.ceil((samples + 1) * level - 1e-9)  # 0.95 * 20 is 19, not more
    if rank > samples:
        needed = math.ceil(level / (1 - level) - 1e-9)
        do = "Generate more, or lower the level."
        raise expected(f"at least {needed} calibration trajectories for a level of {level}", samples, do)
    return rank


def _frames_ahead(truth: xr.Dataset, model: Stepper) -> int:
    times = truth["time"].values if "time" in truth.dims else np.zeros(1)
    steps = int((times[-1] - times[min(model.history, len(times)) - 1]) / model.dt + 1e-6)
    if steps < 1:
        raise expected("trajectories longer than one step", f"{len(times)} times", "Give their later frames.")
    return steps


def _scores(prediction: xr.Dataset, truth: xr.Dataset, names: tuple[str, ...], score: Score) -> np.ndarray:
    """Return the scores ``(sample, time, field)``; infinite where the prediction is not finite."""
    target = at_times(truth[list(names)], prediction["time"].values)
    guess, true = (to_tensor(fields, names, torch.float64) for fields in (prediction, target))
    if guess.shape != true.shape:
        raise expected(f"truth of shape {tuple(guess.shape)}", tuple(true.shape), "Use the same grid and samples.")
    error = guess - true
    size = error.flatten(3).abs().amax(-1) if score == "max" else _rms(error, prediction)
    scores: np.ndarray = ratio(size, _rms(guess, prediction)).nan_to_num(nan=math.inf, posinf=math.inf).numpy()
    return scores


def _rms(frames: Tensor, fields: xr.Dataset) -> Tensor:
    """Return the root mean square over space, ``(sample, time, field)``; points count as in `metrics`."""
    domain = domain_of(fields)
    if not isinstance(domain, Grid):
        raise expected("fields on a grid", "fields on a mesh", "Interpolate them (`surrogate.datasets.interpolation`).")
    squares = frames.square() * weights_on(domain)
    return squares.flatten(3).mean(-1).sqrt().clamp_min(torch.finfo(torch.float64).tiny)
