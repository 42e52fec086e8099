"""Candidates of several seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

import surrogate as sg
from surrogate.datasets import InputError
from surrogate.evaluation.summary import bootstrap_interval

CASE = sg.cases.Burgers(resolution=32, viscosity=0.1, dt=0.1, steps=3)


class Off(sg.Stepper):
    """The exact step times a factor."""

    in_fields = out_fields = ("u",)

    def __init__(self, factor: float, *, dt: float = CASE.dt) -> None:
        super().__init__()
        self.domain, self.dt, self.factor, self.exact = CASE.grid, dt, factor, CASE.solver()
        self.record = {"training_seconds": 10 * factor}

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        return state

    def step(self, carry: Tensor, forcing: Tensor | None = None) -> tuple[Tensor, Tensor]:
        new = self.exact(carry)
        return new, self.factor * new


@pytest.fixture(scope="module")
def truth() -> xr.Dataset:
    return sg.generate(CASE, samples=4, seed=1, progress=False)


@pytest.fixture(scope="module")
def report(truth: xr.Dataset) -> sg.Comparison:
    candidates = {"net": [Off(1.01), Off(1.02), Off(0.96)], "one": Off(1.05)}
    return sg.compare(candidates, truth, solvers={}, time_budget=0.0, progress=False)


def test_errors_are_over_seeds_and_samples(report: sg.Comparison) -> None:
    statistics = report.rows[0].statistics
    assert (statistics.seeds, statistics.samples) == (3, 4)
    assert statistics.error == pytest.approx((0.01 + 0.02 + 0.04) / 3, rel=1e-4)
    assert statistics.worst == pytest.approx(0.04, rel=1e-4)
    assert statistics.median == pytest.approx(0.02, rel=1e-4)
    assert statistics.geometric == pytest.approx((0.01 + 0.02 + 0.04) / 3, rel=1e-4)
    assert statistics.low < 0.015  # seeds are drawn anew, too: the samples alone differ by 1e-6
    assert statistics.high > 0.03
    assert report.rows[1].statistics.seeds == 1
    np.testing.assert_allclose(report.seed_scores["net"]["error"].mean("sample"), [0.01, 0.02, 0.04], rtol=1e-4)
    assert "net (3 seeds)" in str(report)
    assert "1 seed, 4 samples; numbers to be published need 3 seeds and 32 samples" in str(report)


def test_training_is_that_of_one_model(report: sg.Comparison) -> None:
    assert report.verdicts[0].investment.training == pytest.approx(10 * (1.01 + 1.02 + 0.96) / 3)


def test_seeds_are_an_ensemble_too(report: sg.Comparison) -> None:
    """All errors are multiples of the truth: its mean absolute value times the score of three numbers and zero."""
    factors, size = np.array([0.01, 0.02, -0.04]), abs(report.examples["u"].sel(member="reference"))
    score = np.abs(factors).mean() - np.abs(factors[:, None] - factors).mean() / 2
    sample = int(report.scores["error"].sel(member="net").argsort()[(4 - 1) // 2])
    found = report.seed_scores["net"]["crps"].isel(sample=sample, field=0)
    np.testing.assert_allclose(found, score * size.mean("x"), rtol=2e-4)
    assert "crps" not in report.seed_scores["one"]


def test_the_page_draws_the_band_over_seeds(report: sg.Comparison, tmp_path) -> None:  # type: ignore[no-untyped-def]
    report.save(tmp_path)
    assert "(3 seeds)" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ([], "at least one model as 'net', got none"),
        ([Off(1.0), Off(1.0, dt=0.05)], "seeds of one model as 'net', got 2 kinds"),
        ([Off(1.0), CASE.solver()], "seeds of one model as 'net', got 2 kinds"),
    ],
)
def test_what_is_no_set_of_seeds_is_refused(truth: xr.Dataset, seeds: list[sg.Stepper], words: str) -> None:
    with pytest.raises(InputError, match=words):
        sg.compare({"net": seeds}, truth, progress=False)


def test_two_level_bootstrap_has_the_variance_of_the_mean() -> None:
    """For independent effects of seeds and samples their variances add up."""
    rng = np.random.default_rng(0)
    seeds, samples = rng.normal(size=(8, 1)), 0.5 * rng.normal(size=(1, 40))
    low, high = bootstrap_interval(10 + seeds + samples, seed=0)
    deviation = np.sqrt(seeds.var() / 8 + samples.var() / 40)
    # 1000 resamplings leave 6 % in a width made of two tail quantiles (two standard errors)
    assert (high - low) / (2 * 1.96) == pytest.approx(deviation, rel=0.08)
    assert bootstrap_interval(np.array([[1.0, np.inf]]), seed=0) == (np.inf, np.inf)


def test_one_that_blows_up_makes_the_mean_infinite(truth: xr.Dataset) -> None:
    report = sg.compare({"net": [Off(1.0), Off(torch.nan)]}, truth, solvers={}, time_budget=0.0, progress=False)
    assert report.rows[0].error == np.inf
    assert report.rows[0].statistics.blown_up == 0.5
