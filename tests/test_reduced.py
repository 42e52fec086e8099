"""A forecaster of coefficients is a stepper of fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
import xarray as xr
from safetensors.torch import save_file

import surrogate as sg
from surrogate.datasets import POD, InputError
from surrogate.evaluation import Persistence
from surrogate.forecasters import Ridge

pytestmark = pytest.mark.filterwarnings("ignore::surrogate.datasets.samples.normalizer.OutsideTrainingRange")


@pytest.fixture(scope="module")
def burgers() -> xr.DataTree:
    case = sg.cases.Burgers(resolution=32, viscosity=0.05, dt=0.05, steps=12)
    return sg.prepare(sg.generate(case, samples=60, seed=0, progress=False), inputs=["u"], outputs=["u"], history=3)


@pytest.fixture(scope="module")
def model(burgers: xr.DataTree) -> sg.PODStepper:
    pod = POD(burgers, ["u"], rank=8)
    series = pod.transform(burgers)
    return sg.PODStepper(pod, sg.fit(Ridge.for_data(series, subtract_last=True), series))


def test_rollout_gives_the_fields_of_the_forecast_series(burgers: xr.DataTree, model: sg.PODStepper) -> None:
    fields = sg.rollout(model, burgers["test"], steps=6, progress=False)
    series = sg.rollout(model.stepper, model.pod.transform(burgers)["test"], steps=6, progress=False)
    assert fields["u"].dims == ("sample", "time", "x")
    direct = model.pod.to_fields(series, burgers["test"])
    np.testing.assert_allclose(fields["u"], direct["u"], rtol=0, atol=1e-5)  # single precision in both
    assert fields["u"].attrs == {key: burgers["test"]["u"].attrs[key] for key in ("units", "long_name")}


def test_one_call_is_one_step(burgers: xr.DataTree, model: sg.PODStepper) -> None:
    state = torch.from_numpy(burgers["test"]["u"].values[:, :3]).float()
    with torch.no_grad():
        new = model.step(model.init(state))[1]
        assert torch.equal(model(state), new)
        assert new.shape == (6, 1, 32)
        frames = model.pod.decode(model.pod.encode(state.reshape(-1, 1, 32))).reshape(6, 3, 32)
        torch.testing.assert_close(model(frames.float()), new, rtol=0, atol=1e-5)  # it sees only the modes


def test_compare_sets_it_beside_the_solver(burgers: xr.DataTree, model: sg.PODStepper) -> None:
    report = sg.compare({"ridge on modes": model}, burgers["test"], time_budget=0.5, progress=False)
    errors = report.scores["error"]
    own = float(errors.sel(member="ridge on modes").mean())
    assert own < float(errors.sel(member="persistence").mean())
    assert len(report.rows) > 3  # the solvers of the case, and the trivial predictions


def test_states_outside_the_training_range_warn(burgers: xr.DataTree, model: sg.PODStepper) -> None:
    far = burgers["test"].to_dataset()
    far["u"] = 100 * far["u"]
    with pytest.warns(sg.datasets.OutsideTrainingRange, match="'pod_1' leaves the training range"):
        sg.rollout(model, far, steps=1, progress=False)


def test_a_stepper_of_other_series_is_refused(burgers: xr.DataTree, model: sg.PODStepper) -> None:
    with pytest.raises(InputError, match=r"a stepper of \('pod_1', 'pod_2'\), got one of \('pod_1', .*'pod_8'\)"):
        sg.PODStepper(POD(burgers, ["u"], rank=2), model.stepper)
    coarse = burgers["test"].to_dataset().isel(x=slice(None, None, 2))
    with pytest.raises(InputError, match="fields on Grid"):
        sg.rollout(model, coarse, steps=1, progress=False)


def test_it_is_saved_in_one_file_and_comes_back(burgers: xr.DataTree, model: sg.PODStepper, tmp_path: Path) -> None:
    path = tmp_path / "reduced.safetensors"
    model.save(path)
    again = sg.load(path)
    assert isinstance(again, sg.PODStepper)
    assert again.pod.modes.dtype == torch.float64
    assert again.stepper.dtype == torch.float32
    assert (again.dt, again.history, again.horizon, again.domain) == (model.dt, 3, 1, model.domain)
    assert again.record["penalty"] == model.record["penalty"]
    before, after = (sg.rollout(m, burgers["test"], steps=6, progress=False) for m in (model, again))
    xr.testing.assert_identical(before, after)
    torch.testing.assert_close(again.pod.state_dict(), model.pod.state_dict(), rtol=0, atol=0)
    with pytest.raises(InputError, match="does not exist"):
        again.save(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pod": {}}, "a manifest to build the model from in .*reduced"),
        ({"stepper": {}}, "a manifest to build the model from in .*reduced"),
        ({"stepper.class": "os.system"}, "one of our networks, got 'os.system'"),
        ({"tensor": "pod.modes"}, "a manifest to build the model from in .*reduced"),
        ({"tensor": "stepper.network.linear.weight"}, "the weights of .*Ridge"),
    ],
)
def test_a_file_that_lacks_something_is_refused(
    model: sg.PODStepper, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "reduced.safetensors"
    model.save(path)
    with safetensors.safe_open(path, "pt") as file:
        manifest = json.loads(file.metadata()["manifest"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    tensors.pop(change.get("tensor", ""), None)
    manifest["stepper"]["network"]["class"] = change.get("stepper.class", manifest["stepper"]["network"]["class"])
    save_file(tensors, path, metadata={"manifest": json.dumps({**manifest, **change})})
    with pytest.raises(InputError, match=message):
        sg.load(path)


def test_modes_around_something_else_than_a_surrogate_are_not_saved(model: sg.PODStepper, tmp_path: Path) -> None:
    resting = Persistence(model.stepper.in_fields, sg.Grid(shape=()), dt=model.dt)
    with pytest.raises(InputError, match="a surrogate of the coefficients, to be saved, got Persistence"):
        sg.PODStepper(model.pod, resting).save(tmp_path / "reduced.safetensors")
    assert not list(tmp_path.iterdir())
