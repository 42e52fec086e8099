"""Training: what it learns, what it leaves behind, and that no interruption changes a bit."""

from __future__ import annotations

import copy
import csv
import json
import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from surrogate import (
    Grid,
    InputError,
    NumericalFailure,
    OneCycleAdamW,
    Surrogate,
    fit,
    load,
    objectives,
    prepare,
    rollout,
)
from surrogate.training.record import _hash_data

pytestmark = pytest.mark.filterwarnings("ignore::surrogate.datasets.OutsideTrainingRange")  # so few samples

CPU = {"accelerator": "cpu"}
FAST = OneCycleAdamW(learning_rate=0.05)
GRID = Grid(shape=(16,), extent=(2.0,), periodic=True)


def steady(samples: int = 24, scale: float = 1.0) -> xr.Dataset:
    """Return smooth random inputs and what a convolution of three points makes of them."""
    rng = np.random.default_rng(0)
    phases = rng.uniform(0, 2 * np.pi, size=(samples, 3, 1))
    a = np.cos(np.pi * np.arange(1, 4)[:, None] * GRID.axes[0] + phases).sum(1)
    u = scale * (2 * a - np.roll(a, 1, axis=-1) + 5)
    variables = {name: (("sample", "x"), v, {"units": "m", "long_name": name}) for name, v in {"a": a, "u": u}.items()}
    return xr.Dataset(variables, coords=GRID.coordinates())


def data(**options: Any) -> xr.DataTree:
    return prepare(steady(**options), inputs=["a"], outputs=["u"], split=(16, 4, 4))


def convolution(seed: int = 0, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(seed)
    layer = nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular")
    return nn.Sequential(layer, nn.Dropout(dropout)) if dropout else layer


def train(network: nn.Module, tree: xr.DataTree, **options: Any) -> Surrogate:
    return fit(network, tree, **{"epochs": 3, "batch_size": 4, "optimizer": FAST, "trainer": CPU, **options})


def bits(model: nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


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


KILLS = """
import hashlib, json, os, random, signal, sys
from pathlib import Path
import lightning, torch
from torch import nn
import surrogate as sg
from surrogate.datasets.storage.store import read_store
torch.set_num_threads(1)
folder = Path(sys.argv[1])
tree = sg.prepare(read_store(folder / "fields.h5"), inputs=["a"], outputs=["u"], split=(16, 4, 4))

class Kill(lightning.Callback):
    def __init__(self, step): self.step = step
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step: os.kill(os.getpid(), signal.SIGKILL)
    def on_train_end(self, trainer, *_):
        if self.step == -1: os.kill(os.getpid(), signal.SIGKILL)

class Loss:  # without a text of its own: its address must not matter
    def __call__(self, prediction, target, domain): return (prediction - target).abs().flatten(1).mean(1)

def run(name, kill, **options):
    # other first weights when it goes on, as in a script that sets no seed: those of the checkpoint must count
    torch.manual_seed(0 if kill in (None, FIRST) else 17)
    norm = nn.BatchNorm1d(8) if name in ("undisturbed", "killed") else nn.Identity()
    network = nn.Sequential(nn.Conv1d(1, 8, 3, padding=1), nn.Dropout(0.2), norm, nn.Conv1d(8, 1, 1))
    before = random.getstate()
    model = sg.fit(network, tree, path=folder / name, batch_size=4, trainer={"accelerator": "cpu"},
                   callbacks=[Kill(kill)], objective=Loss(), **options)
    assert random.getstate() == before
    digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in model.state_dict().values())).hexdigest()
    rows = (folder / name / "log.csv").read_text().splitlines()
    rows = [row.rpartition(",")[0] for row in rows]  # without the seconds
    (folder / f"{name}.json").write_text(json.dumps([digest, rows, model.record["best_epoch"]]))

def child(*arguments, **options):
    pid = os.fork()
    if not pid:
        try: run(*arguments, **options)
        finally: os._exit(0 if sys.exc_info()[0] is None else 1)
    return os.waitpid(pid, 0)[1]

for wrong in (read_store(folder / "fields.h5"), None):  # here, as elsewhere the types are checked before us
    try: sg.fit(nn.Identity(), wrong)
    except sg.InputError as error: assert "Expected the tree from `prepare`, got" in str(error), error
    else: raise AssertionError("no error")

FIRST = 2
assert child("undisturbed", None, epochs=5) == 0
for kill in (FIRST, 3, 6, 9, 17, -1):  # 4 steps an epoch: within the first, at its end, in later ones, at the end
    assert child("killed", kill, epochs=5) == signal.SIGKILL, kill
assert child("killed", 99, epochs=5) == 0
FIRST = -1
still = {"epochs": 9, "patience": 2, "optimizer": sg.OneCycleAdamW(learning_rate=1e-30)}
assert child("stopped", None, **still) == 0
assert child("stopped_killed", -1, **still) == signal.SIGKILL
assert child("stopped_killed", 99, **still) == 0
"""


def test_a_killed_training_goes_on_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    steady().to_netcdf(tmp_path / "fields.h5", engine="h5netcdf")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", KILLS, tmp_path], check=True, env=environment)
    for one, other in (("undisturbed", "killed"), ("stopped", "stopped_killed")):
        result = json.loads((tmp_path / f"{one}.json").read_text())
        assert json.loads((tmp_path / f"{other}.json").read_text()) == result
        assert not [file for file in (tmp_path / other).iterdir() if file.suffix == ".part"]
    assert len(result[1]) == 1 + 3  # the first epoch was the best, two more without improvement


class Never(lightning.Callback):
    def on_train_start(self, *_: Any) -> None:
        raise AssertionError("trained again")


def test_a_finished_training_is_read_back_and_another_one_refused(tmp_path: Path) -> None:
    tree = data()
    first = train(convolution(), tree, path=tmp_path / "run")
    again = train(convolution(seed=1), tree, path=tmp_path / "run", callbacks=[Never()])
    assert bits(again) == bits(first)
    assert again.record == first.record
    files = {"last.ckpt", "log.csv", "loss.png", "run.json", "surrogate.safetensors"}
    assert {file.name for file in (tmp_path / "run").iterdir()} == files
    changed = copy.deepcopy(tree)
    changed["validation"]["u"].values[0, 0] += 1
    for network, other, options, word in [
        (convolution(), tree, {"epochs": 4}, "settings"),
        (convolution(), tree, {"seed": 1}, "settings"),
        (convolution(), tree, {"objective": objectives.H1()}, "settings"),
        (convolution(), data(scale=2.0), {}, "data_hash"),
        (convolution(), changed, {}, "data_hash"),
        (nn.Conv1d(1, 1, 5, padding=2), tree, {}, "network"),
        (nn.Sequential(convolution()), tree, {}, "network"),
    ]:
        with pytest.raises(InputError, match=rf"the training that .*run' holds, got another .*{word}"):
            train(network, other, path=tmp_path / "run", callbacks=[Never()], **options)


def test_equal_data_are_the_same_training_whatever_their_labels_are_made_of() -> None:
    """Labels from a file are objects, elsewhere in memory each time."""

    def labelled() -> xr.Dataset:
        labels = np.array(["".join(["run ", str(i)]) for i in range(3)], dtype=object)
        return xr.Dataset({"u": ("sample", np.arange(3.0))}, {"label": ("sample", labels)})

    first, second = labelled(), labelled()
    assert _hash_data(first) == _hash_data(second)
    assert _hash_data(first) != _hash_data(first.assign_coords(label=first["label"][::-1]))


def test_log_and_plot_are_written(tmp_path: Path) -> None:
    model = train(convolution(), data(), path=tmp_path / "deep" / "run")
    with (tmp_path / "deep" / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    losses = [float(row["validation_loss"]) for row in rows]
    assert model.record["validation_loss"] == min(losses)
    assert model.record["best_epoch"] == losses.index(min(losses))
    assert (tmp_path / "deep" / "run" / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert bits(load(tmp_path / "deep" / "run" / "surrogate.safetensors", network=convolution(1))) == bits(model)


def test_the_weights_are_those_of_the_best_epoch() -> None:
    class Worse(nn.Module):
        """Gets worse with each training step."""

        def __init__(self) -> None:
            super().__init__()
            self.inner, self.steps = convolution(), 0

        def forward(self, x: Tensor) -> Tensor:
            self.steps += self.training
            y: Tensor = self.inner(x) + 10 * self.steps
            return y

    model = train(Worse(), data(), epochs=3)
    assert model.record["best_epoch"] == 0


def test_the_test_part_is_never_read() -> None:
    tree = data()
    reference = train(convolution(), tree)
    poisoned = copy.deepcopy(tree)
    for name in ("a", "u"):
        poisoned["test"][name].values[:] = 1e30
    model = train(convolution(), poisoned)
    assert bits(model) == bits(reference)
    assert model.record["data_hash"] == reference.record["data_hash"]


def test_early_stopping() -> None:
    still = OneCycleAdamW(learning_rate=1e-30)
    model = train(convolution(), data(), epochs=20, patience=2, optimizer=still)
    assert model.record["epochs_done"] == 3
    assert train(convolution(), data(), epochs=4, optimizer=still).record["epochs_done"] == 4


class Explodes(nn.Module):
    """Gives numbers for a while."""

    def __init__(self, training_steps: int, evaluations: int) -> None:
        super().__init__()
        self.inner, self.left = convolution(), {True: training_steps, False: evaluations}

    def forward(self, x: Tensor) -> Tensor:
        self.left[self.training] -= 1
        y: Tensor = self.inner(x)
        return y if self.left[self.training] >= 0 else y * torch.nan


def test_a_loss_that_is_not_finite_stops_the_training_with_its_step() -> None:
    with pytest.raises(NumericalFailure, match=r"the loss is not finite at step 5. Lower the learning rate"):
        train(Explodes(5, 100), data())
    with pytest.raises(NumericalFailure, match="the validation loss was finite in no epoch"):
        train(Explodes(100, 0), data())


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


def test_nothing_global_is_changed() -> None:  # Python's own random numbers: in KILLS, as beartype draws from them
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


def test_options_and_callbacks_reach_lightning(tmp_path: Path) -> None:
    class Count(lightning.Callback):
        steps = 0
        modes: set[bool] = set()

        def on_train_batch_start(self, trainer: lightning.Trainer, module: Any, *_: Any) -> None:
            self.steps += 1
            self.modes.add(module.model.network.training)

    count = Count()
    train(convolution().eval(), data(), trainer={**CPU, "limit_train_batches": 2}, callbacks=[count])
    assert count.steps == 6
    assert count.modes == {True}  # also if the network comes in evaluation mode


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
