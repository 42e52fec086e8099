"""The check before a training: dead parts are named, live networks pass in silence, and nothing else changes."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from surrogate import Grid, InputError, NumericalFailure, Surrogate, fit, models, prepare
from surrogate.progress import show_table
from surrogate.training import FailedCheck

pytestmark = pytest.mark.filterwarnings("ignore::surrogate.datasets.OutsideTrainingRange")  # so few samples


@pytest.fixture(autouse=True)
def _also_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surrogate.training.self_check.SHORT", 0)


def data(shape: tuple[int, ...] = (16,)) -> xr.DataTree:
    """Return two smooth fields that enter and one that leaves, on a periodic grid."""
    grid, rng = Grid(shape=shape, periodic=True), np.random.default_rng(0)
    axes = np.meshgrid(*grid.axes, indexing="ij")
    shift = rng.uniform(0, 1, size=(6, 2, *[1] * len(shape)))
    a, b = np.moveaxis(np.cos(2 * np.pi * (sum(axes) + shift)), 1, 0)
    variables = {"a": a, "b": 10 + 5 * b, "u": 3 + 100 * (a - 0.5 * b)}
    dims = ("sample", *grid.names)
    fields = xr.Dataset({k: (dims, v, {"units": "1"}) for k, v in variables.items()}, coords=grid.coordinates())
    return prepare(fields, inputs=["a", "b"], outputs=["u"], split=(4, 1, 1))


def train(network: nn.Module, tree: xr.DataTree | None = None, **options: Any) -> Surrogate:
    given = {"epochs": 1, "batch_size": 4, "trainer": {"accelerator": "cpu"}, **options}
    return fit(network, data() if tree is None else tree, **given)


class Residual(nn.Module):
    """A network with a branch that can be hurt in several ways."""

    def __init__(self, harm: str = "") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.harm = harm
        self.lift = nn.Conv1d(2, 8, 3, padding=1)
        self.branch = nn.Sequential(nn.Conv1d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv1d(8, 8, 1, bias=False))
        self.project = nn.Conv1d(8, 1, 1)
        with torch.no_grad():
            if harm == "small weights":
                self.branch[2].weight *= 1e-12
            if harm == "zero at the start":
                self.branch[2].weight *= 0
            if harm == "dead ReLU":
                self.branch[0].bias.fill_(-1e4)
            if harm == "huge output":
                self.project.weight *= 1e5

    def forward(self, x: Tensor) -> Tensor:
        x = self.lift(x * torch.tensor([[1.0], [self.harm != "one input"]]))
        branch = self.branch(x.detach() if self.harm == "detached" else x)
        x = (x.detach() if self.harm == "detached" else x) + (1e-12 if self.harm == "small factor" else 1) * branch
        y: Tensor = self.project(x)
        return y


HARMS = {
    "small weights": (r"dead branch .* 'branch\.2'", "dead_branches", ["branch.2"]),
    "small factor": (
        r"lost beside the others in 'branch\.0', 'branch\.2'",
        "vanishing_gradient",
        ["branch.0", "branch.2"],
    ),
    "dead ReLU": ("no gradient at 'branch.0.weight', 'branch.0.bias'", "without_gradient", None),
    "detached": ("no gradient at 'lift.weight', 'lift.bias'", "without_gradient", ["lift.weight", "lift.bias"]),
    "one input": ("no effect on the output of 'b'", "inputs_without_effect", ["b"]),
    "huge output": (r"an output \d\.\de\+0\d times as large as its target", "vanishing_gradient", []),
}


@pytest.mark.parametrize("harm", HARMS)
def test_dead_parts_are_named(harm: str) -> None:
    message, key, names = HARMS[harm]
    with pytest.warns(FailedCheck, match=f"Check before training: .*{message}"):
        report = train(Residual(harm)).record["check"]
    assert names is None or report[key] == names


@pytest.mark.parametrize("harm", ["", "zero at the start"])
def test_a_live_network_passes_and_its_report_is_kept(harm: str, tmp_path: Path) -> None:
    with warnings.catch_warnings(action="error", category=FailedCheck):
        report = train(Residual(harm), path=tmp_path).record["check"]
    assert json.loads((tmp_path / "check.json").read_text()) == report
    before, after = report["losses"]
    assert after < 0.7 * before
    assert report["samples"] == 2


NETWORKS = {
    "galerkin": lambda d: models.GalerkinTransformer.for_data(d, hidden_channels=16, n_layers=2),
    "fno": lambda d: models.FNO.for_data(d, hidden_channels=8, n_layers=2),
    "tfno": lambda d: models.TFNO.for_data(d, hidden_channels=8, n_layers=2),
    "ffno": lambda d: models.FFNO.for_data(d, hidden_channels=8, n_layers=2),
    "unet": lambda d: models.UNet.for_data(d, hidden_channels=8, n_layers=1),
    "deeponet": lambda d: models.DeepONet.for_data(d, hidden_channels=16, n_layers=2),
    "factformer": lambda d: models.FactFormer.for_data(d, hidden_channels=16, n_layers=2),
    "mgno": lambda d: models.MgNO.for_data(d, hidden_channels=8),
}


@pytest.mark.parametrize("shape", [(32,), (12, 16)])
@pytest.mark.parametrize("name", NETWORKS)
def test_our_networks_are_alive(name: str, shape: tuple[int, ...]) -> None:
    tree = data(shape)
    torch.manual_seed(0)
    network = NETWORKS[name](tree)
    with warnings.catch_warnings(action="error", category=FailedCheck):
        assert train(network, tree).record["check"]["seconds"] < 10


def test_a_network_on_points_is_checked(polygons: xr.DataTree) -> None:
    torch.manual_seed(0)
    network = models.GNOT.for_data(polygons, hidden_channels=16, n_layers=1, n_heads=2)
    with warnings.catch_warnings(action="error", category=FailedCheck):
        assert train(network, polygons).record["check"]["inputs_without_effect"] == []


def test_a_network_that_cannot_learn_is_warned_of() -> None:
    class Noise(nn.Module):
        """Its parameter changes nothing that matters."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            return x[:, :1] * 2 + 2 * x[:, 1:] + 1e-4 * self.weight.tanh()

    with pytest.warns(FailedCheck, match=r"the loss of 2 samples fell only from .* in 30 steps"):
        train(Noise())


def test_noise_in_the_objective_does_not_hide_that_a_network_learns() -> None:
    def noisy(prediction: Tensor, target: Tensor, domain: Any) -> Tensor:
        return (prediction - target).flatten(1).norm(dim=1) * (1 + 10 * torch.rand(()))

    with warnings.catch_warnings(action="error", category=FailedCheck):
        before, after = train(Residual(), objective=noisy).record["check"]["losses"]
    assert after < 0.7 * before


class Constant(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight, self.value = nn.Parameter(torch.zeros(1)), value

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1] + self.value * self.weight.sqrt()


def test_where_nothing_learns_the_training_does_not_begin() -> None:
    with pytest.raises(NumericalFailure, match=r"the gradient is not finite at 'weight'\. Look for outliers"):
        train(Constant(1.0))
    with pytest.raises(InputError, match=r"a network through which the loss has a gradient, got none"):
        train(Dead())
    with pytest.raises(InputError, match=r"parameters to train, got none\. Set requires_grad"):
        train(Residual().requires_grad_(False))


class Dead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1] + torch.relu(self.weight - 5)


def test_the_training_is_the_same_with_and_without() -> None:
    networks = [nn.Sequential(Residual(), nn.Dropout(0.3)) for _ in range(3)]
    torch.manual_seed(3)
    state = torch.get_rng_state()
    with_check, without = (train(n, epochs=3, check=c) for n, c in zip(networks, (True, False), strict=False))
    assert torch.equal(torch.get_rng_state(), state)
    assert without.record["check"] == {"skipped": "check=False"}
    one, two = with_check.state_dict(), without.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_short_trainings_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surrogate.training.self_check.SHORT", 9)
    assert train(Residual("detached"), epochs=2).record["check"] == {"skipped": "the training is short"}


def test_the_time_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surrogate.training.self_check.SECONDS", 0.0)
    monkeypatch.setattr("surrogate.training.self_check.LEARNED", 0.0)
    assert train(Residual()).record["check"]["steps"] == 1


def test_the_report_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    show_table("check", {"dead branches": "none"})
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    train(Residual())
    shown = capsys.readouterr().err
    assert "check before training" in shown
    assert "inputs without effect" in shown
