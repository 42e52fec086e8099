"""What happens during a training: its log, the best weights, and when it stops."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import lightning
import pytest
from torch import Tensor, nn

from members.trainings import CPU, Explodes, bits, convolution, data, train
from surrogate import NumericalFailure, OneCycleAdamW, load


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


def test_early_stopping() -> None:
    still = OneCycleAdamW(learning_rate=1e-30)
    model = train(convolution(), data(), epochs=20, patience=2, optimizer=still)
    assert model.record["epochs_done"] == 3
    assert train(convolution(), data(), epochs=4, optimizer=still).record["epochs_done"] == 4


def test_a_loss_that_is_not_finite_stops_the_training_with_its_step() -> None:
    with pytest.raises(NumericalFailure, match=r"the loss is not finite at step 5. Lower the learning rate"):
        train(Explodes(5, 100), data())
    with pytest.raises(NumericalFailure, match="the validation loss was finite in no epoch"):
        train(Explodes(100, 0), data())


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
