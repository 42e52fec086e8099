"""Weights of fields against hand values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from surrogate import Grid, InputError, objectives
from surrogate.datasets import Normalizer, Signature
from surrogate.training import SurrogateStepper

GRID = Grid((4,), periodic=True)
FIELDS = ("density", "velocity")


def model(horizon: int) -> SurrogateStepper:
    signature = Signature(FIELDS, FIELDS, GRID, horizon=horizon, dt=0.1)
    normalizers = {"input": Normalizer(FIELDS), "output": Normalizer(FIELDS)}
    normalizers["output"].std.copy_(torch.tensor([1.0, 100.0]))
    layer = nn.Conv1d(2, 2 * horizon, 1, bias=False)
    nn.init.zeros_(layer.weight)  # it predicts the mean, zero
    return SurrogateStepper(layer, signature, normalizers)


def loss(objective: Any, y: torch.Tensor, horizon: int = 1) -> float:
    batch = {"x": torch.zeros(1, 2, 4), "y": y}
    return (1.0 * objective).losses(model(horizon), batch, 0).item()


def frames(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32)[None, :, None].expand(1, -1, 4)


def test_each_field_is_measured_by_its_own_norm_however_small() -> None:
    """The prediction zero has the error 1 in each; jointly the large field decides."""
    target, prediction = frames(1e-3, 50.0), frames(0.0, 49.0)
    per_field = objectives.PerField({"velocity": 3.0, "density": 1.0})
    found = per_field.losses(FIELDS, prediction, target, GRID)
    assert found.item() == pytest.approx((3 * 1 / 50 + 1 * 1) / 4, rel=1e-6)
    jointly = objectives.RelativeL2()(prediction, target, GRID)
    assert jointly.item() == pytest.approx(1 / 50, rel=1e-6)


def test_the_frames_of_a_field_belong_together() -> None:
    weights = objectives.PerField({"density": 1.0, "velocity": 0.0}, objectives.MeanSquare())
    assert loss(objectives.Unrolled(3, weights), frames(1, 7, 2, 7, 3, 7)) == pytest.approx((1 + 4 + 9) / 3)
    assert loss(objectives.Unrolled(4, weights), frames(1, 7, 2, 7, 3, 7, 4, 7), horizon=2) == pytest.approx(30 / 4)


def test_normalized_fields_where_the_objective_wants_them() -> None:
    weights = objectives.PerField({"density": 1.0, "velocity": 1.0}, objectives.MeanSquare())
    assert loss(objectives.Unrolled(1, weights), frames(2, 300)) == pytest.approx((2**2 + 3**2) / 2)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "one of them positive"),
        ({"density": 0.0}, "one of them positive"),
        ({"density": -1.0}, "weights of at least 0"),
        ({"density": float("nan")}, "weights of at least 0"),
        ({"density": 1.0}, r"weights of the output fields \['density', 'velocity'\], got \['density'\]. Give each"),
        ({"density": 1.0, "velocity": 1.0, "w": 0.1}, r"got \['density', 'velocity', 'w'\]"),
    ],
)
def test_weights_that_are_not_those_of_the_fields(weights: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        loss(objectives.Unrolled(1, objectives.PerField(weights)), frames(1, 1))
