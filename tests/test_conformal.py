"""Conformal bands hold what they promise, no more and no less, whatever the model."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import betabinom, binom
from torch import Tensor, nn

import surrogate as sg
from surrogate import ConformalBands, Grid, InputError, Stepper
from surrogate.evaluation.conformal import conformal_rank

AsFields = Callable[..., xr.Dataset]
GRID = Grid((4,), periodic=True)
DT = 0.5


class Constant(Stepper):
    """Predict that nothing changes."""

    in_fields = out_fields = ("u", "v")
    domain = GRID
    dt = DT

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        return state


def trajectories(as_fields: AsFields, samples: int, frames: int = 4, seed: int = 0) -> xr.Dataset:
    """Return states of different size that wander off, ``v`` ten times as far as ``u``."""
    rng = np.random.default_rng(seed)
    start = rng.lognormal(size=(samples, 1, 1)) * np.array([1.0, -1.0, 1.0, 1.0])
    walk = rng.standard_t(2, size=(2, samples, frames - 1, 4)) * np.abs(start)
    values = [np.concatenate([start, start + scale * w.cumsum(1)], 1) for w, scale in zip(walk, (0.1, 1), strict=True)]
    variables = {name: ("sample time x", v) for name, v in zip("uv", values, strict=True)}
    return as_fields(GRID, variables, time=DT * np.arange(frames))


@pytest.mark.parametrize(("score", "order"), [("max", np.inf), ("l2", 2)])
def test_the_radius_is_the_sorted_score_of_the_stated_rank(as_fields: AsFields, score: str, order: float) -> None:
    truth = trajectories(as_fields, 30)
    bands = ConformalBands.calibrate(Constant(), truth, level=0.8, score=score)  # type: ignore[arg-type]
    assert (bands.samples, bands.level, bands.score) == (30, 0.8, score)
    for name in "uv":
        start, later = truth[name].values[:, :1], truth[name].values[:, 1:]
        norms = np.linalg.norm(later - start, axis=-1, ord=order) / np.linalg.norm(start, axis=-1)
        scores = norms * (2.0 if score == "max" else 1.0)  # the root of four points
        np.testing.assert_allclose(bands.radii[name], np.sort(scores, axis=0)[24], rtol=1e-6)  # ceil(31 * 0.8) = 25
    np.testing.assert_allclose(bands.radii["lead_time"], DT * np.arange(1, 4))


def test_bands_lie_around_the_prediction(as_fields: AsFields) -> None:
    bands = ConformalBands.calibrate(Constant(), trajectories(as_fields, 30), level=0.8)
    new = trajectories(as_fields, 5, seed=1)
    result = bands.predict(new)
    start = new["u"].values[:, 0]
    radius = np.sqrt((start**2).mean(-1))[:, None] * bands.radii["u"].values
    np.testing.assert_allclose(result["u"], np.repeat(start[:, None], 3, axis=1), rtol=1e-6)
    np.testing.assert_allclose(result["u_radius"], radius, rtol=1e-6)
    np.testing.assert_allclose(result["u_upper"], result["u"] + radius[..., None], rtol=1e-6)
    np.testing.assert_allclose(result["u_lower"], result["u"] - radius[..., None], rtol=1e-6)
    assert result["u_upper"].attrs == result["u"].attrs
    inside = ((new["u"] >= result["u_lower"]) & (new["u"] <= result["u_upper"])).all("x")
    np.testing.assert_allclose(bands.coverage(new)["u"], inside.sel(time=result["time"]).mean("sample"))
    sg.datasets.fields.check(result)
    ball = ConformalBands.calibrate(Constant(), trajectories(as_fields, 30), score="l2").predict(new)
    assert {"u_radius", "v_radius"} <= set(ball.data_vars)
    assert "u_upper" not in ball


@pytest.mark.parametrize(
    ("level", "needed"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99), (0.7, 3), (0.999, 999)]
)
def test_too_few_trajectories_are_refused_with_the_number_needed(level: float, needed: int) -> None:
    if needed > 1:
        with pytest.raises(
            InputError, match=rf"at least {needed} calibration trajectories .* {level}, got {needed - 1}"
        ):
            conformal_rank(needed - 1, level)
    assert conformal_rank(needed, level) == needed
    for samples in range(needed, 2000, 7):  # in exact arithmetic
        exact = -((-(samples + 1) * Fraction(str(level))) // 1)
        assert conformal_rank(samples, level) == exact


@pytest.mark.parametrize(("calibration", "level"), [(19, 0.95), (20, 0.9), (50, 0.8), (200, 0.9)])
def test_coverage_of_exchangeable_scores_is_beta_binomial(calibration: int, level: float) -> None:
    """Over many calibrations the number covered has the stated distribution, and the interval holds 99 % of them."""
    repeats, tests = 4000, 60
    rng = np.random.default_rng(calibration)
    scores = rng.standard_cauchy(size=(repeats, calibration + tests)) * rng.lognormal(size=(repeats, 1))
    rank = conformal_rank(calibration, level)
    radii = np.sort(scores[:, :calibration], axis=1)[:, rank - 1 : rank]
    covered = (scores[:, calibration:] <= radii).sum(axis=1)
    promised = betabinom(tests, rank, calibration + 1 - rank)
    assert promised.mean() / tests == pytest.approx(rank / (calibration + 1))
    assert rank / (calibration + 1) >= level - 1e-12
    assert abs(covered.mean() - promised.mean()) < 4 * promised.std() / np.sqrt(repeats)
    # the largest distance of the two distribution functions: Kolmogorov's bound at one in 10^5, less for discrete ones
    counted = np.bincount(covered, minlength=tests + 1).cumsum() / repeats
    assert np.abs(counted - promised.cdf(np.arange(tests + 1))).max() < np.sqrt(np.log(2e5) / 2 / repeats)
    bands = ConformalBands(Constant(), level, "max", xr.Dataset(), calibration)
    low, high = bands.coverage_interval(tests)
    outside = int(((covered < round(low * tests)) | (covered > round(high * tests))).sum())
    assert outside <= binom(repeats, 0.01).ppf(1 - 1e-5)  # it is at most 1 % wrong: the numbers are whole


def test_measured_coverage_of_many_calibrations_lies_in_the_interval(as_fields: AsFields) -> None:
    """The same through rollouts: heavy tails, different sizes, fields and lead times."""
    inside, total = 0, 0
    for seed in range(40):
        everything = trajectories(as_fields, 60, seed=seed)
        bands = ConformalBands.calibrate(Constant(), everything.isel(sample=slice(30)), level=0.8)
        low, high = bands.coverage_interval(30)
        coverage = bands.coverage(everything.isel(sample=slice(30, None)))
        for name in "uv":
            inside += int(((coverage[name] >= low) & (coverage[name] <= high)).sum())
            total += coverage[name].size
    assert inside / total > 0.97  # 240 rows, correlated in threes


@pytest.mark.filterwarnings("ignore::surrogate.datasets.OutsideTrainingRange")
def test_bands_of_a_trained_model_hold_held_out_trajectories() -> None:
    case = sg.cases.Burgers(resolution=64, viscosity=0.02, dt=0.1, steps=5)
    coarse = sg.generate(case, samples=200, seed=0, progress=False).isel(x=slice(None, None, 4))
    data = sg.prepare(coarse, inputs=["u"], outputs=["u"], split=(40, 80, 80))
    solver = sg.solvers.Burgers(Grid.from_fields(coarse), viscosity=0.02, dt=0.1, substeps=2, dtype=torch.float32)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(1, 8, 5, padding=2, padding_mode="circular"), nn.Tanh(), nn.Conv1d(8, 1, 1))
    model = sg.fit(sg.Corrected(solver, network), data, epochs=5, batch_size=20, trainer={"accelerator": "cpu"})
    for score in ("max", "l2"):
        bands = ConformalBands.calibrate(model, data["validation"], level=0.9, score=score)  # type: ignore[arg-type]
        coverage = bands.coverage(data["test"])
        low, high = bands.coverage_interval(80)
        assert low < 0.9 < high
        assert coverage["u"].sizes == {"time": 5}
        assert ((coverage["u"] >= low) & (coverage["u"] <= high)).all(), (score, coverage["u"].values, low, high)
        assert bands.radii["u"].max() < 1  # and are of use


def test_a_prediction_that_is_not_finite_is_never_inside(as_fields: AsFields) -> None:
    class Breaks(Constant):
        def forward(
            self,
            state: Tensor,
            static: Tensor | None = None,
            forcing: Tensor | None = None,
            parameters: Tensor | None = None,
        ) -> Tensor:
            return torch.where(state.abs().amax((1, 2), keepdim=True) > 5, torch.nan, state)

    truth = trajectories(as_fields, 200)
    broken = float((np.abs(truth["u"].isel(time=0)).max("x") > 5).mean())
    assert 0.01 < broken < 0.2
    bands = ConformalBands.calibrate(Breaks(), truth, level=0.8)
    assert np.isfinite(bands.radii["u"]).all()
    assert float(bands.coverage(truth)["u"].max()) <= 1 - broken + 1e-12
    assert np.isinf(ConformalBands.calibrate(Breaks(), truth, level=0.99).radii["u"]).all()


def test_wrong_requests_are_refused(as_fields: AsFields) -> None:
    truth = trajectories(as_fields, 12)
    with pytest.raises(InputError, match=r"at least 19 calibration trajectories for a level of 0\.95, got 12"):
        ConformalBands.calibrate(Constant(), truth, level=0.95)
    with pytest.raises(InputError, match="a level between 0 and 1, got 90"):
        ConformalBands.calibrate(Constant(), truth, level=90.0)
    with pytest.raises(InputError, match="trajectories longer than one step"):
        ConformalBands.calibrate(Constant(), truth.isel(time=[0]))
    with pytest.raises(InputError, match="truth at the times"):
        ConformalBands.calibrate(Constant(), truth, steps=5)
    with pytest.raises(InputError, match="a field 'v'"):
        ConformalBands.calibrate(Constant(), truth[["u"]])
