"""Averages of the weights: the formula, what is validated and returned, and stops in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from surrogate import EMA, Grid, InputError, OneCycleAdamW, Surrogate, fit, prepare

GRID = Grid(shape=(16,), periodic=True)


@pytest.fixture(scope="module")
def tree() -> xr.DataTree:
    a = np.random.default_rng(0).normal(size=(16, 16))
    variables = {name: (("sample", "x"), v, {"units": "1"}) for name, v in {"a": a, "u": a + np.roll(a, 1, 1)}.items()}
    return prepare(xr.Dataset(variables, coords=GRID.coordinates()), inputs=["a"], outputs=["u"], split=(12, 4, 0))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.BatchNorm1d(4), nn.Dropout(0.1), nn.Conv1d(4, 1, 1))


def train(tree: xr.DataTree, **options: Any) -> Surrogate:
    given = {"batch_size": 4, "optimizer": OneCycleAdamW(0.05), "trainer": {"accelerator": "cpu"}, **options}
    return fit(network(), tree, **given)


class Weights(lightning.Callback):
    """Notes the weights after each step, and what is validated."""

    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []
        self.validated: list[torch.Tensor] = []

    def on_train_batch_end(self, trainer: Any, module: Any, *rest: Any) -> None:
        self.steps.append(module.model.network[0].weight.detach().double().clone())

    def on_validation_batch_end(self, trainer: Any, module: Any, *rest: Any) -> None:
        self.validated.append(module.model.network[0].weight.detach().double().clone())


def test_the_average_is_that_of_the_formula_and_is_validated_and_returned(tree: xr.DataTree) -> None:
    seen, decay = Weights(), 0.8
    model = train(tree, epochs=3, averaging=EMA(decay), callbacks=[seen])
    expected = []
    for t in (3, 6, 9):
        share = (1 - decay) / (1 - decay**t) * decay ** (t - torch.arange(1, t + 1, dtype=torch.float64))
        assert float(share.sum()) == pytest.approx(1)
        expected.append(torch.tensordot(share, torch.stack(seen.steps[:t]), dims=1))
    # float32: nine products and sums of numbers below one
    torch.testing.assert_close(torch.stack(seen.validated), torch.stack(expected), rtol=0, atol=1e-6)
    kept = model.network[0].weight.double()  # type: ignore[index, union-attr]
    torch.testing.assert_close(kept, expected[model.record["best_epoch"]], rtol=0, atol=1e-6)


def test_the_training_itself_is_not_changed(tree: xr.DataTree) -> None:
    with_average, without = Weights(), Weights()
    train(tree, epochs=2, averaging=EMA(0.9), callbacks=[with_average])
    train(tree, epochs=2, callbacks=[without])
    assert all(torch.equal(a, b) for a, b in zip(with_average.steps, without.steps, strict=True))
    assert not torch.equal(with_average.validated[0], without.validated[0])


def test_a_stopped_training_goes_on_with_the_same_bits(tree: xr.DataTree, tmp_path: Path) -> None:
    class Stop(lightning.Callback):
        def on_train_epoch_start(self, trainer: Any, *rest: Any) -> None:
            if trainer.current_epoch == 2:
                raise RuntimeError("stopped here")

    whole = train(tree, epochs=4, averaging=EMA(0.9))
    with pytest.raises(RuntimeError, match="stopped here"):
        train(tree, epochs=4, averaging=EMA(0.9), path=tmp_path, callbacks=[Stop()])
    again = train(tree, epochs=4, averaging=EMA(0.9), path=tmp_path)
    one, two = whole.state_dict(), again.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(InputError, match="another settings"):
        train(tree, epochs=4, path=tmp_path)


@pytest.mark.parametrize("decay", [0.0, 1.0, -1.0, float("nan")])
def test_wrong_decay_is_refused(decay: float) -> None:
    with pytest.raises(InputError, match="a decay between 0 and 1"):
        EMA(decay)
