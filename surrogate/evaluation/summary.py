"""One line for each member."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from surrogate.evaluation.members import Kind
from surrogate.evaluation.scores import DRIFT, THRESHOLDS
from surrogate.evaluation.timing import Cost

RESAMPLINGS = 1000


@dataclass(frozen=True)
class Statistics:
    """The scores of a member over seeds, samples and times.

    Attributes
    ----------
    seeds, samples
        How many trainings, and how many initial conditions (or inputs), the numbers are over.
    error
        Relative L2 over space and all times, mean over fields, seeds and samples.
    low, high
        Its 95 % bootstrap interval over seeds and samples.
    median, percentile_90, worst
        Of the same error over seeds and samples.
    final
        Relative L2 at the last frame, mean over fields, seeds and samples.
    geometric
        Geometric mean over time of the relative L2, mean over fields, seeds and samples.
    blown_up, blown_up_at
        Share of the rollouts with a frame that is not finite; the first such frame (from 1).
    correlated_until, censored
        Median time until the correlation of the first field to lose it falls below 0.8; whether in that sample
        it never does.
    closely_correlated_until, closely_censored
        The same for a correlation of 0.9.
    drifts
        Largest drift of each conserved quantity.
    """

    seeds: int
    samples: int
    error: float
    low: float
    high: float
    median: float
    percentile_90: float
    worst: float
    final: float
    geometric: float
    blown_up: float
    blown_up_at: int | None
    correlated_until: float | None
    censored: bool
    closely_correlated_until: float | None
    closely_censored: bool
    drifts: dict[str, float]


@dataclass(frozen=True)
class Row:
    """A line of the table: a member on one device.

    ``precision`` is the dtype in which the member computes; ``hardware`` is what a recorded run says it ran on, empty
    for all that was timed here; ``ranked`` is false where the error is too close to that of the reference to mean
    anything; ``quantities`` holds the errors of the user's quantities, ``out_of_distribution`` the errors on other
    distributions of inputs.
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
    device: str
    hardware: str = ""
    out_of_distribution: dict[str, float] = field(default_factory=dict)

    @property
    def error(self) -> float:
        """The error by which members are ranked."""
        return self.statistics.error


def statistics(scores: xr.Dataset, seed: int) -> Statistics:
    """Summarize the scores of a member over its seeds; ``seed`` is that of the bootstrap."""
    error, frames = scores["error"].transpose("seed", "sample").values, scores.sizes["time"]
    survived = scores["finite_frames"].values
    low, high = bootstrap_interval(error, seed)
    until: tuple[float | None, bool] = (None, False)
    closely = until
    if "correlation_time" in scores:
        until, closely = (_median_time(scores.sel(threshold=value)) for value in THRESHOLDS)
    names = [str(name) for name in scores.data_vars if str(name).startswith(DRIFT)]
    return Statistics(
        seeds=len(error),
        samples=error.shape[1],
        error=float(error.mean()),
        low=low,
        high=high,
        median=float(np.quantile(error, 0.5, method="inverted_cdf")),
        percentile_90=float(np.quantile(error, 0.9, method="inverted_cdf")),
        worst=float(error.max()),
        final=float(scores["relative_l2"].isel(time=-1).mean()),
        geometric=float(scores["geometric_l2"].mean()),
        blown_up=float((survived < frames).mean()),
        blown_up_at=int(survived.min()) + 1 if survived.min() < frames else None,
        correlated_until=until[0],
        censored=until[1],
        closely_correlated_until=closely[0],
        closely_censored=closely[1],
        drifts={name.removeprefix(DRIFT): float(scores[name].max()) for name in names},
    )


def _median_time(scores: xr.Dataset) -> tuple[float, bool]:
    """Return the (lower) median over rollouts of the time until the first field loses its correlation, if it does."""
    times = scores["correlation_time"].min("field").values.ravel()
    middle = int(np.argsort(times, kind="stable")[(times.size - 1) // 2])
    return float(times[middle]), bool(scores["correlation_censored"].all("field").values.ravel()[middle])


def bootstrap_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the mean of values ``(seed, sample)``.

    Both are drawn anew, each for itself, as all seeds have the same samples. Infinite where a value is.
    """
    if not np.isfinite(values).all():
        return float("inf"), float("inf")
    generator = np.random.default_rng(seed)
    shares = [generator.multinomial(n, np.full(n, 1 / n), size=RESAMPLINGS) / n for n in values.shape]
    means = np.einsum("rs,rs->r", shares[0] @ values, shares[1])
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
