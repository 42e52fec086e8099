"""Training: what it learns, from what, and what it refuses."""

from __future__ import annotations

import copy
import logging
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from members.trainings import GRID, Explodes, Never, bits, convolution, data, steady, train
from surrogate import InputError, NumericalFailure, Surrogate, prepare, rollout

pytestmark = pytest.mark.filterwarnings("ignore::surrogate.datasets.OutsideTrainingRange")  # so few samples


def test_it_learns_a_map_that_the_network_can_represent() -> None:
    tree = data()
    model = train(convolution(), tree, epochs=60)
    predicted, truth = model.predict(tree["test"])["u"], tree["test"]["u"]
    error = np.sqrt(((predicted - truth) ** 2).sum("x") / (truth**2).sum("x"))
    assert error.max() < 0.01  # the map is in reach exactly
    assert predicted.attrs == {"units": "m", "long_name": "u"}
    assert not model.training


def test_the_loss_is_that_of_physical_units_and_does_not_depend_on_them() -> None:
    small, large = train(convolution(), data()), train(convolution(), data(scale=1e3))
    # all numbers the network sees are the same to single precision; a dozen steps amplify that a little
    assert large.record["validation_loss"] == pytest.approx(small.record["validation_loss"], rel=1e-4)
    tree = data()
    predicted, truth = small.predict(tree["validation"])["u"], tree["validation"]["u"]
    by_hand = np.sqrt(((predicted - truth) ** 2).sum("x") / (truth**2).sum("x")).mean()
    assert small.record["validation_loss"] == pytest.approx(float(by_hand), rel=1e-5)


class Mixer(nn.Module):
    """A network that uses all there is: state, static and forcing channels, coordinates and parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv1d(2 + 1 + 1 + 1 + 1, 2, 1)

    def forward(self, x: Tensor, coordinates: Tensor, parameters: Tensor) -> Tensor:
        points = coordinates.movedim(-1, 0).expand(len(x), -1, -1)
        y: Tensor = self.mix(torch.cat([x, points, parameters[..., None].expand(-1, -1, x.shape[-1])], dim=1))
        return y


def test_training_and_rollout_see_the_same_windows() -> None:
    """The recorded loss is that of one-step rollouts from every window of the validation part, forcing included."""
    rng = np.random.default_rng(0)
    units = {"units": "1"}
    variables = {
        "u": (("sample", "time", "x"), rng.normal(size=(12, 6, 16)), units),
        "load": (("sample", "time", "x"), rng.normal(size=(12, 6, 16)), units),
        "slope": (("x",), rng.normal(size=16), units),
        "re": (("sample",), rng.uniform(1, 2, size=12), units),
    }
    coords = {"time": ("time", 0.5 * np.arange(6), {"units": "s"}), **GRID.coordinates()}
    fields = xr.Dataset(variables, coords=coords)
    tree = prepare(fields, inputs=["u", "load", "slope", "re"], outputs=["u"], history=2, horizon=2, split=(8, 4, 0))
    torch.manual_seed(0)
    model = train(Mixer(), tree, epochs=2)
    assert isinstance(model, Surrogate)
    losses = []
    validation = tree["validation"].to_dataset()
    for start in range(6 - 4 + 1):
        predicted = rollout(model, validation.isel(time=slice(start, None)), steps=2)["u"].values
        truth = validation["u"].values[:, start + 2 : start + 4]
        losses.append(np.sqrt(((predicted - truth) ** 2).sum((1, 2)) / (truth**2).sum((1, 2))))
    assert model.record["validation_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert (model.dt, model.history, model.horizon) == (0.5, 2, 2)


def test_the_test_part_is_never_read() -> None:
    tree = data()
    reference = train(convolution(), tree)
    poisoned = copy.deepcopy(tree)
    for name in ("a", "u"):
        poisoned["test"][name].values[:] = 1e30
    model = train(convolution(), poisoned)
    assert bits(model) == bits(reference)
    assert model.record["data_hash"] == reference.record["data_hash"]


WRONG: dict[str, tuple[Callable[[], nn.Module], dict[str, Any], str]] = {
    "too few channels in": (lambda: nn.Conv1d(2, 1, 1), {}, "a network that fits the data.*1 channels and want 1"),
    "too many channels out": (lambda: nn.Conv1d(1, 3, 1), {}, r"output of shape \(1, 3, 16\) for \(1, 1, 16\)"),
    "another size out": (lambda: nn.AvgPool1d(2), {}, r"output of shape \(1, 1, 8\)"),
    "one value out": (lambda: nn.AdaptiveAvgPool1d(1), {}, r"output of shape \(1, 1, 1\)"),
    "two arguments": (lambda: nn.Bilinear(1, 1, 1), {}, "a network that fits the data"),
    "one loss": (convolution, {"objective": lambda p, t, _: (p - t).mean()}, r"one loss per sample, got shape \(\)"),
    "loss of points": (convolution, {"objective": lambda p, t, _: p - t}, "one loss per sample"),
    "no epochs": (convolution, {"epochs": 0}, "epochs and batch_size of at least 1"),
    "no batch": (convolution, {"batch_size": 0}, "epochs and batch_size of at least 1"),
    "option of fit": (convolution, {"trainer": {"max_epochs": 3, "plugins": []}}, r"\['max_epochs', 'plugins'\]"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused_in_the_first_second(what: str, tmp_path: Path) -> None:
    make, options, message = WRONG[what]
    tree, network = data(), make()
    began = time.perf_counter()
    with pytest.raises(InputError, match=message):
        train(network, tree, path=tmp_path / "run", callbacks=[Never()], **options)
    assert time.perf_counter() - began < 1
    assert not (tmp_path / "run").exists()


def test_data_that_were_not_prepared_are_refused(tmp_path: Path) -> None:
    tree = data()
    with pytest.raises(InputError, match="the tree from `prepare`"):
        train(convolution(), xr.DataTree(steady()))
    with pytest.raises(InputError, match="data with roles"):
        train(convolution(), xr.DataTree.from_dict({"train": steady(), "validation": steady()}))
    with pytest.raises(InputError, match="at least one validation sample, got 0"):
        train(convolution(), prepare(steady(), inputs=["a"], outputs=["u"], split=(20, 0, 4)))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="a folder, got the file"):
        train(convolution(), tree, path=tmp_path / "file")


def test_nothing_global_is_changed() -> None:  # Python's own random numbers: in test_record, as beartype draws them
    network, tree = convolution(dropout=0.2), data()
    torch.manual_seed(5)
    logger = logging.getLogger("lightning.pytorch")

    def state() -> list[Any]:
        return [
            torch.get_rng_state().tolist(),
            repr(np.random.get_state()),  # noqa: NPY002  # the global one
            list(warnings.filters),
            logger.level,
            dict(os.environ),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
        ]

    before = state()
    train(network, tree)
    assert state() == before
    with pytest.raises(NumericalFailure, match="not finite"):
        train(Explodes(5, 100), tree)
    torch.manual_seed(5)
    assert state() == before


def test_dropout_is_active_in_training_only_and_drawn_from_the_seed() -> None:
    tree = data()
    first, second = (train(convolution(dropout=0.3), tree) for _ in range(2))
    assert bits(first) == bits(second)
    assert bits(first) != bits(train(convolution(dropout=0.3), tree, seed=1))
    predicted = first.predict(tree["test"])
    xr.testing.assert_identical(predicted, first.predict(tree["test"]))


def test_precision() -> None:
    tree = data()
    single = train(convolution(), tree)
    half = train(convolution(), tree, precision="bf16-mixed")
    assert half.dtype == torch.float32
    # bfloat16 has 8 bits: every product of a step is off by up to 2^-9
    assert half.record["validation_loss"] == pytest.approx(single.record["validation_loss"], rel=0.05)
    double = train(convolution(), tree, precision="64-true")
    assert double.dtype == torch.float64
    assert double.record["validation_loss"] == pytest.approx(single.record["validation_loss"], rel=1e-4)
    truth = tree["train"]["a"].values
    assert double.normalizers["input"].mean.item() == pytest.approx(truth.mean(), rel=1e-14)
    assert double.predict(tree["test"])["u"].dtype == np.float64
