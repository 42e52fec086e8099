"""One line for each member."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from surrogate.evaluation.members import Kind
from surrogate.evaluation.scores import DRIFT
from surrogate.evaluation.timing import Cost

RESAMPLINGS = 1000


@dataclass(frozen=True)
class Statistics:
    """The scores of a member over samples and times.

    Attributes
    ----------
    error
        Relative L2 over space and all times, mean over fields and samples.
    low, high
        Its 95 % bootstrap interval over samples.
    median, percentile_90, worst
        Of the same error over samples.
    final
        Relative L2 at the last frame, mean over fields and samples.
    blown_up, blown_up_at
        Share of the samples with a frame that is not finite; the first such frame (from 1).
    correlated_until, censored
        Median time until the correlation of the first field to lose it falls below 0.8; whether in that sample
        it never does.
    drifts
        Largest drift of each conserved quantity.
    """

    error: float
    low: float
    high: float
    median: float
    percentile_90: float
    worst: float
    final: float
    blown_up: float
    blown_up_at: int | None
    correlated_until: float | None
    censored: bool
    drifts: dict[str, float]


@dataclass(frozen=True)
class Row:
    """A line of the table.

    ``precision`` is the dtype in which the member computes; ``ranked`` is false where the error is too close to that of
    the reference to mean anything; ``quantities`` holds the errors of the user's quantities.
    """

    name: str
    kind: Kind
    note: str
    precision: str
    statistics: Statistics
    ranked: bool
    quantities: dict[str, dict[str, float]]
    planning_seconds: float
    cost: Cost | None

    @property
    def error(self) -> float:
        """The error by which members are ranked."""
        return self.statistics.error


def statistics(scores: xr.Dataset, seed: int) -> Statistics:
    """Summarize the scores of a member; ``seed`` is that of the bootstrap."""
    error, frames = scores["error"].values, scores.sizes["time"]
    survived = scores["finite_frames"].values
    low, high = bootstrap_interval(error, seed)
    until, censored = None, False
    if "correlation_time" in scores:
        until, censored = _median_time(scores)
    names = [str(name) for name in scores.data_vars if str(name).startswith(DRIFT)]
    return Statistics(
        error=float(error.mean()),
        low=low,
        high=high,
        median=float(np.quantile(error, 0.5, method="inverted_cdf")),
        percentile_90=float(np.quantile(error, 0.9, method="inverted_cdf")),
        worst=float(error.max()),
        final=float(scores["relative_l2"].isel(time=-1).mean()),
        blown_up=float((survived < frames).mean()),
        blown_up_at=int(survived.min()) + 1 if survived.min() < frames else None,
        correlated_until=until,
        censored=censored,
        drifts={name.removeprefix(DRIFT): float(scores[name].max()) for name in names},
    )


def _median_time(scores: xr.Dataset) -> tuple[float, bool]:
    """Return the (lower) median over samples of the time until the first field loses its correlation, if it does."""
    order = np.argsort(scores["correlation_time"].min("field").values, kind="stable")
    middle = int(order[(len(order) - 1) // 2])
    sample = scores.isel(sample=middle)
    return float(sample["correlation_time"].min()), bool(sample["correlation_censored"].all())


def bootstrap_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the mean; infinite where a value is."""
    if not np.isfinite(values).all():
        return float("inf"), float("inf")
    generator = np.random.default_rng(seed)
    means = values[generator.integers(len(values), size=(RESAMPLINGS, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
