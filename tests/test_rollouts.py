"""Rollout of steppers whose trajectories are known in closed form, and everything that can go wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

import surrogate as sg
from members.decay import DT, GRID, Broken, Decay, exact, random_start, stacked
from surrogate import Grid, InputError, NumericalFailure, Stepper, prepare, rollout

AsFields = Callable[..., xr.Dataset]


@pytest.fixture
def start(as_fields: AsFields) -> xr.Dataset:
    return random_start(as_fields)


@pytest.mark.parametrize(
    ("steps", "every", "batch_size", "horizon"),
    [*itertools.product([1, 7, 12], [1, 3], [None, 1, 3], [1]), (12, 3, 2, 2), (7, 2, None, 3), (5, 5, 4, 4)],
)
def test_an_exact_stepper_gives_the_exact_solution(
    start: xr.Dataset, steps: int, every: int, batch_size: int | None, horizon: int
) -> None:
    if steps < every:
        with pytest.raises(InputError, match=r"steps >= every >= 1, got steps=1, every=3"):
            rollout(Decay(horizon), start, steps=steps, every=every)
        return
    result = rollout(Decay(horizon), start, steps=steps, every=every, batch_size=batch_size)
    kept = np.arange(every, steps + 1, every)
    np.testing.assert_allclose(stacked(result), exact(start, kept), rtol=1e-13)
    np.testing.assert_allclose(result["time"], 1.0 + DT * kept, rtol=1e-15)


def test_the_result_says_what_it_is(start: xr.Dataset) -> None:
    result = rollout(Decay(), start.assign_coords(sample=np.arange(10, 17)), steps=2)
    assert result["u"].attrs == {"units": "1"}  # of the input
    assert result["v"].attrs == {"units": "kg", "long_name": "mass"}  # of the stepper
    assert result["time"].attrs == {"units": "s"}
    assert result["sample"].values.tolist() == list(range(10, 17))
    assert result.attrs == {"case": "decay", "seed": 3, "operator": "Decay"}
    assert Grid.from_fields(result) == GRID


def test_a_start_without_time_is_at_time_zero(start: xr.Dataset) -> None:
    result = rollout(Decay(), start.isel(time=0, drop=True), steps=2)
    np.testing.assert_allclose(result["time"], [DT, 2 * DT])
    np.testing.assert_allclose(stacked(result), exact(start, np.array([1, 2])), rtol=1e-13)


def test_a_node_of_the_tree_is_fields(start: xr.Dataset) -> None:
    tree = prepare(start, inputs=["u", "v"], outputs=["u", "v"], split=(4, 2, 1))
    xr.testing.assert_identical(
        rollout(Decay(), tree["test"], steps=3), rollout(Decay(), tree["test"].to_dataset(), steps=3)
    )
    with pytest.raises(InputError, match="one part of the data"):
        rollout(Decay(), tree, steps=3)


class Forced(Stepper):
    """u_{n+1} = a u_n + b u_{n-1} + slope + load_n, with ``a`` a parameter."""

    in_fields = out_fields = ("u",)
    static_fields = ("slope",)
    forcing_fields = ("load",)
    parameter_fields = ("a",)
    domain = GRID
    dt = DT
    history = 2

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("b", torch.tensor(-0.3, dtype=torch.float64))

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        assert static is not None
        assert forcing is not None
        assert parameters is not None
        return parameters[:, :, None] * state[:, 1:] + self.b * state[:, :1] + static + forcing


@pytest.fixture
def forced(as_fields: AsFields) -> xr.Dataset:
    rng = np.random.default_rng(0)
    variables = {
        "u": ("sample time x", rng.normal(size=(5, 9, 6))),
        "load": ("sample time x", rng.normal(size=(5, 9, 6))),
        "slope": ("x", rng.normal(size=6)),
        "a": ("sample", rng.uniform(0, 1, size=5)),
    }
    return as_fields(GRID, variables, time=DT * np.arange(9))


@pytest.mark.parametrize(("every", "batch_size"), [(1, None), (3, 2)])
def test_history_statics_forcing_and_parameters_reach_every_step(
    forced: xr.Dataset, every: int, batch_size: int | None
) -> None:
    u, load, slope, a = (forced[name].values for name in ("u", "load", "slope", "a"))
    frames = [u[:, 0], u[:, 1]]
    for n in range(1, 8):  # the first prediction is for time index 2, from the load at time index 1
        frames.append(a[:, None] * frames[n] - 0.3 * frames[n - 1] + slope + load[:, n])
    result = rollout(Forced(), forced, steps=7, every=every, batch_size=batch_size)
    np.testing.assert_allclose(result["u"], np.stack(frames[1 + every :: every], axis=1)[:, : 7 // every], rtol=1e-12)
    np.testing.assert_allclose(result["time"], DT * (1 + np.arange(every, 8, every)))


def test_later_truth_is_never_read(forced: xr.Dataset, start: xr.Dataset) -> None:
    poisoned = forced.copy(deep=True)
    poisoned["u"].values[:, 2:] = np.nan
    xr.testing.assert_identical(rollout(Forced(), poisoned, steps=7), rollout(Forced(), forced, steps=7))
    poisoned = start.copy(deep=True)
    poisoned["v"].values[:, 1:] = np.inf
    xr.testing.assert_identical(rollout(Decay(), poisoned, steps=9), rollout(Decay(), start, steps=9))


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("horizon", [1, 2])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("batch_size", [7, 2])
def test_a_failure_names_step_sample_and_field(
    start: xr.Dataset, every: int, horizon: int, value: float, batch_size: int
) -> None:
    start["u"].values[5, 0] = 1000.0
    message = rf"step 3 \(time {1 + 3 * DT:g}\), sample 5, field 'v': it is not finite"
    with pytest.raises(NumericalFailure, match=message):
        rollout(Broken(3, horizon, value), start, steps=8, every=every, batch_size=batch_size)


def test_the_first_failure_is_named_not_the_first_sample(start: xr.Dataset) -> None:
    class Staggered(Broken):
        def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
            carry, new = super().step(carry, forcing)
            if carry[0] >= 4:
                new[1, 0] = torch.nan
            return carry, new

    start["u"].values[5, 0] = 1000.0
    with pytest.raises(NumericalFailure, match=r"step 2 .* sample 5, field 'v'"):
        rollout(Staggered(2), start, steps=5, every=5)


def test_what_a_solver_forbids_stops_the_rollout_in_its_words(start: xr.Dataset) -> None:
    class Guarded(Decay):
        def faults(self, initial: Tensor, new: Tensor) -> dict[str, Tensor]:
            small = new.abs().amax(-1) < 0.5 * initial.abs().amax(-1)
            return {**super().faults(initial, new), "has lost half of its size": small}

    # exp(-2 * 0.25 * 2) < 1/2 for v, and exp(-2 * 0.25) > 1/2
    with pytest.raises(NumericalFailure, match=r"step 2 .*sample 0, field 'v': it has lost half of its size"):
        rollout(Guarded(), start, steps=5)


def test_keep_going_returns_what_comes(start: xr.Dataset) -> None:
    start["u"].values[5, 0] = 1000.0
    result = rollout(Broken(3), start, steps=4, keep_going=True)
    assert result["v"].isnull().any("x").values.tolist() == [
        [sample == 5 and step >= 3 for step in range(1, 5)] for sample in range(7)
    ]


WRONG: dict[str, tuple[Callable[[xr.Dataset], xr.Dataset], dict[str, Any], str]] = {
    "missing field": (lambda d: d.drop_vars("v"), {}, "a field 'v', got only"),
    "no sample": (lambda d: d.isel(sample=0), {}, "expand_dims"),
    "no samples": (lambda d: d.isel(sample=slice(0)), {}, "fields with samples"),
    "misordered": (lambda d: d.transpose("x", "sample", "time"), {}, "dimensions of 'u' in the order"),
    "start not finite": (lambda d: d.where(d["x"] > 0), {}, "finite values in 'u'"),
    "no step": (lambda d: d, {"steps": 0}, "steps >= every >= 1"),
    "no cadence": (lambda d: d, {"every": 0}, "steps >= every >= 1"),
    "empty batch": (lambda d: d, {"batch_size": 0}, "a batch_size of at least 1"),
    "wrong device": (lambda d: d, {"device": "gpu"}, "a device such as 'cpu'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_requests_are_refused(start: xr.Dataset, what: str) -> None:
    spoil, arguments, message = WRONG[what]
    with xr.set_options(keep_attrs=True), pytest.raises(InputError, match=message):
        rollout(Decay(), spoil(start), **{"steps": 2, **arguments})


def test_wrong_history_and_forcing_are_refused(forced: xr.Dataset) -> None:
    with pytest.raises(InputError, match="at least 2 frames to start from, got 1"):
        rollout(Forced(), forced.isel(time=[0]), steps=1)
    with pytest.raises(InputError, match=r"forcing for 9 steps, got 8"):
        rollout(Forced(), forced, steps=9)
    with pytest.raises(InputError, match=r"frames that are dt=0.25 apart, got 0.5"):
        rollout(Forced(), forced.isel(time=slice(None, None, 2)), steps=2)
    with pytest.raises(InputError, match="a field 'a'"):
        rollout(
            type("Two", (Forced,), {"parameter_fields": ("c", "a")})(),
            forced.assign(c=forced["a"]).drop_vars("a"),
            steps=2,
        )


def test_a_steady_operator_is_sent_to_predict(start: xr.Dataset) -> None:
    with pytest.raises(Exception, match="Stepper"):  # jaxtyping's error where the tests check types
        rollout(nn.Identity(), start, steps=1)  # type: ignore[arg-type]


def test_mode_comes_back_also_after_a_failure(start: xr.Dataset) -> None:
    start["u"].values[5, 0] = 1000.0
    stepper = Broken(2).train()
    with pytest.raises(NumericalFailure, match="step 2"):
        rollout(stepper, start, steps=3)
    assert stepper.training
    assert not torch.is_inference_mode_enabled()


class Ranged(Decay):
    """Decay made for states above ``low``."""

    def __init__(self, low: float) -> None:
        super().__init__()
        self.low = low

    def outside(self, x: Tensor) -> Tensor | None:
        return x.abs().amax(-1) < self.low


@pytest.mark.parametrize("path", [None, "result.h5"])
def test_states_that_leave_the_range_later_are_told_once(start: xr.Dataset, tmp_path: Path, path: str | None) -> None:
    where = None if path is None else tmp_path / path
    largest = np.abs(exact(start, np.arange(31))).max(-1)  # sample, time, field
    low = 0.9 * float(largest[:, 0].min())
    out = (largest < low).any(2)
    first = int(out.any(0).argmax())
    share = out[:, 1:6].any(1).mean()  # from the sixth frame it does not go on
    words = rf"v leaves the training range at step {first} \(time {1 + DT * first:g}\), {share:.0%} of the samples"
    with pytest.warns(sg.datasets.OutsideTrainingRange, match=words) as told:
        result = rollout(Ranged(low), start, steps=6, path=where, batch_size=2)
    assert len(told) == 1
    assert result.attrs["fraction_outside_training_range"] == pytest.approx(share)
    assert result.attrs["first_time_outside_training_range"] == pytest.approx(1 + DT * first)
    result = rollout(Ranged(0.0), start, steps=6, path=where, overwrite=True)
    assert result.attrs["fraction_outside_training_range"] == 0
    assert np.isnan(result.attrs["first_time_outside_training_range"])


def test_no_progress_bar_without_a_terminal(start: xr.Dataset, capfd: pytest.CaptureFixture[str]) -> None:
    rollout(Decay(), start, steps=3)
    assert capfd.readouterr() == ("", "")
