"""A guarded surrogate: who takes which step, the indicator, the calibrated tolerance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

import surrogate as sg
from surrogate import Grid, Guarded, InputError, Stepper

AsFields = Callable[..., xr.Dataset]
GRID = Grid((8,), periodic=True)
DT = 0.25


class Scale(Stepper):
    """Multiply ``u`` and ``v`` by a number; above a threshold the prediction is wrong by a part of itself."""

    in_fields = out_fields = ("u", "v")
    domain = GRID
    dt = DT

    def __init__(self, factor: float, *, wrong: float = 0.0, above: float = np.inf) -> None:
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor, dtype=torch.float64))
        self.wrong, self.above = wrong, above
        self.batches: list[int] = []

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        self.batches.append(len(state))
        trouble = state[:, 1:].abs().amax((1, 2), keepdim=True) > self.above
        return self.factor * state * torch.where(trouble, 1 + self.wrong, 1.0)


@pytest.fixture
def start(as_fields: AsFields) -> xr.Dataset:
    values = np.random.default_rng(0).uniform(1, 2, size=(6, 5, 8)) * np.arange(1, 7)[:, None, None]
    variables = {name: ("sample time x", values * size) for name, size in (("u", 1.0), ("v", 3.0))}
    return as_fields(GRID, variables, time=DT * np.arange(5))


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("every", [1, 2])
def test_samples_over_the_bound_take_the_step_of_the_solver(
    start: xr.Dataset, batch_size: int | None, every: int
) -> None:
    solver, cheap = Scale(0.5), Scale(0.501)
    model = Guarded(Scale(0.6, wrong=9.0, above=8.0), solver, 0.3, check=cheap)
    result = model.rollout(start, steps=4, every=every, batch_size=batch_size)
    u, v = (start[name].values[:, 0] for name in "uv")
    frames, handed = [], []
    for _ in range(4):
        over = np.abs(v).max(-1) > 8.0  # 0.6 / 0.501 - 1 is 0.2, and ten times as much is far over the bound
        u, v = (np.where(over[:, None], 0.5 * w, 0.6 * w) for w in (u, v))
        frames.append(u)
        handed.append(over)
    np.testing.assert_allclose(result["u"], np.stack(frames, 1)[:, every - 1 :: every], rtol=1e-12)
    expected = np.stack(handed, 1).reshape(6, -1, every).mean(-1)
    np.testing.assert_array_equal(result["handed_back"], expected)
    assert 0 < result.attrs["fraction_handed_back"] == pytest.approx(np.mean(handed))
    batches = np.split(np.stack(handed), range(batch_size or 6, 6, batch_size or 6), axis=1)
    assert solver.batches == [
        int(row.sum()) for batch in batches for row in batch if row.any()
    ]  # gathered, or not called
    plain = sg.rollout(model, start, steps=4, every=every)
    xr.testing.assert_equal(plain, result.drop_vars("handed_back"))


def test_an_ensemble_is_trusted_where_it_agrees(start: xr.Dataset) -> None:
    factors = (0.5, 0.6, 0.7)
    members = [Scale(factor, wrong=wrong, above=8.0) for factor, wrong in zip(factors, (-0.5, 0.0, 0.5), strict=True)]
    state = torch.from_numpy(np.stack([start["u"].values[:, 0], start["v"].values[:, 0]], axis=1))
    agree = np.std(factors, ddof=1) / np.mean(factors)  # 1/6
    model = Guarded(members, Scale(0.0), 1.01 * agree)
    new = model(state)
    trouble = state[:, 1].amax(-1) > 8
    assert 0 < trouble.sum() < len(trouble)
    torch.testing.assert_close(new[~trouble], 0.6 * state[~trouble])
    assert torch.equal(new[trouble], torch.zeros_like(new[trouble]))
    assert torch.equal(Guarded(members, Scale(0.0), 0.99 * agree)(state), torch.zeros_like(state))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_prediction_that_is_not_finite_is_handed_back(start: xr.Dataset, value: float) -> None:
    model = Guarded(Scale(0.5, wrong=value, above=8.0), Scale(0.5), 1e9)
    xr.testing.assert_allclose(sg.rollout(model, start, steps=3), sg.rollout(Scale(0.5), start, steps=3))


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_the_calibrated_bound_keeps_the_stated_share_of_steps(as_fields: AsFields, quantile: float) -> None:
    class Noisy(Scale):
        def forward(self, state: Tensor, *rest: Tensor | None) -> Tensor:
            return state * (1 + 0.1 * state[:, :1, :1].sin())  # as good as random for states of this size

    rng = np.random.default_rng(1)
    values = rng.uniform(100, 1000, size=(2, 60, 5, 8))
    fields = [as_fields(GRID, dict.fromkeys("uv", ("sample time x", part)), time=DT * np.arange(5)) for part in values]
    model = Guarded.calibrated(Noisy(1.0), Scale(1.0), fields[0], quantile=quantile, batch_size=7)
    indicators = 0.1 * np.abs(np.sin(values[0, :, :, 0])).ravel()
    assert model.tolerance == pytest.approx(np.sort(indicators)[int(np.ceil(301 * quantile)) - 1], rel=1e-9)
    fresh = 0.1 * np.abs(np.sin(values[1, :, :, 0])) > model.tolerance
    assert abs(fresh.mean() - (1 - quantile)) < 4 * np.sqrt(2 * quantile * (1 - quantile) / 300)
    first = model.rollout(fields[1], steps=1)["handed_back"].values[:, 0]
    np.testing.assert_array_equal(first, fresh[:, 0])


def test_a_guarded_surrogate_stays_with_its_solver_out_of_its_range() -> None:
    """Trained on small states, it is given states six times as large: nearly all steps go to the solver."""
    case = sg.cases.Burgers(resolution=64, viscosity=0.1, dt=0.05, steps=4)
    fields = sg.generate(case, samples=40, seed=0, progress=False)
    data = sg.prepare(fields, inputs=["u"], outputs=["u"], split=(20, 12, 8))
    torch.manual_seed(0)
    circular: dict[str, Any] = {"padding": 4, "padding_mode": "circular"}
    network = nn.Sequential(nn.Conv1d(1, 16, 9, **circular), nn.Tanh(), nn.Conv1d(16, 1, 9, **circular))
    recipe = {"batch_size": 12, "optimizer": sg.OneCycleAdamW(1e-2), "trainer": {"accelerator": "cpu"}}
    model = sg.fit(network, data, epochs=40, **recipe)
    assert isinstance(model, Stepper)
    solver = case.solver()
    cheap = case.solver(substeps=8, dtype=torch.float32)
    guarded = Guarded.calibrated(model, solver, data["validation"], quantile=0.9, check=cheap)
    inside = guarded.rollout(data["test"], steps=4, progress=False)
    large = data["test"].to_dataset().isel(time=[0])
    large["u"] = 6 * large["u"]
    with pytest.warns(sg.datasets.OutsideTrainingRange):
        outside = guarded.rollout(large, steps=4, progress=False)
    exact = sg.rollout(solver, large, steps=4, progress=False)
    assert inside.attrs["fraction_handed_back"] < 0.4 < 0.8 < outside.attrs["fraction_handed_back"]
    assert float(sg.relative_error(outside, exact).max()) < guarded.tolerance


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "dt": (lambda: Guarded(Scale(1.0), _with(Scale(1.0), dt=0.3), 0.1), r"by dt=0\.25, one frame .*, got .* by 0\.3"),
    "fields": (lambda: Guarded(Scale(1.0), _with(Scale(1.0), out_fields=("u",)), 0.1), r"steppers of \('u', 'v'\)"),
    "horizon": (lambda: Guarded(_with(Scale(1.0), horizon=2), Scale(1.0), 0.1), "one frame at a time"),
    "history": (lambda: Guarded(Scale(1.0), _with(Scale(1.0), history=2), 0.1), "solvers of one frame"),
    "both": (lambda: Guarded([Scale(1.0)] * 2, Scale(1.0), 0.1, check=Scale(1.0)), "a check for one surrogate"),
    "tolerance": (lambda: Guarded(Scale(1.0), Scale(1.0), -1.0), "a tolerance of at least 0, got -1"),
}


def _with(stepper: Stepper, **attributes: Any) -> Stepper:
    for name, value in attributes.items():
        setattr(stepper, name, value)
    return stepper


@pytest.mark.parametrize("what", WRONG)
def test_parts_that_do_not_fit_are_refused(what: str) -> None:
    make, message = WRONG[what]
    with pytest.raises(InputError, match=message):
        make()


def test_wrong_requests_are_refused(start: xr.Dataset) -> None:
    with pytest.raises(InputError, match="a quantile between 0 and 1, got 95"):
        Guarded.calibrated(Scale(1.0), Scale(1.0), start, quantile=95.0)
    with pytest.raises(InputError, match=r"no path, got 'u\.h5'"):
        Guarded(Scale(1.0), Scale(1.0), 0.1).rollout(start, steps=2, path="u.h5")
    with pytest.raises(InputError, match="validation steps with finite indicators, got inf"):
        Guarded.calibrated(Scale(1.0, wrong=np.nan, above=0.0), Scale(1.0), start)
