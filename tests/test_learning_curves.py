"""Learning curves of models whose errors are known, and of a network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

import surrogate as sg
from surrogate.datasets import InputError
from surrogate.evaluation import LearningCurve, learning_curve

CASE = sg.cases.Burgers(resolution=32, viscosity=0.1, dt=0.1, steps=3)


class Off(sg.Stepper):
    """The exact step times a factor."""

    in_fields = out_fields = ("u",)

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.domain, self.dt, self.factor, self.exact = CASE.grid, CASE.dt, factor, CASE.solver()
        self.record = {"training_seconds": 2.0}

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        return state

    def step(self, carry: Tensor, forcing: Tensor | None = None) -> tuple[Tensor, Tensor]:
        new = self.exact(carry)
        return new, self.factor * new


@pytest.fixture(scope="module")
def data() -> xr.DataTree:
    fields = sg.generate(CASE, samples=24, seed=0, progress=False)
    return sg.prepare(fields, inputs=["u"], outputs=["u"], split=(16, 4, 4))


@pytest.fixture(scope="module")
def found(data: xr.DataTree) -> tuple[LearningCurve, list[tuple[int, list[int]]]]:
    seen = []

    def train(part: xr.DataTree, seed: int, path: Path | None) -> Off:
        assert path is None
        assert part["validation"].sizes == data["validation"].sizes
        seen.append((seed, part["train"]["sample"].values.tolist()))
        return Off(1 + 0.1 * (1 + 0.1 * seed) * part["train"].sizes["sample"] ** -0.5)

    return learning_curve(train, data, [4, 8, 16], seeds=2, progress=False), seen


def test_errors_law_and_costs(found: tuple[LearningCurve, object], data: xr.DataTree) -> None:
    curve, _ = found
    np.testing.assert_allclose(curve.errors, [[0.1 * n**-0.5, 0.11 * n**-0.5] for n in (4, 8, 16)], rtol=1e-3)
    assert curve.law is not None
    assert curve.law.exponent == pytest.approx(0.5, abs=1e-3)
    assert curve.law.low < 0.5 < curve.law.high
    assert curve.needed(0.01)[0] == pytest.approx((np.sqrt(0.1 * 0.11) / 0.01) ** 2, rel=0.01)
    assert curve.training_seconds == ((2.0, 2.0),) * 3
    seconds = data["train"].attrs["generation_seconds"]
    assert curve.data_seconds == pytest.approx([seconds * n / 24 for n in (4, 8, 16)])
    assert "half the error takes 4" in str(curve)
    assert curve.samples == 4


def test_parts_are_nested_and_the_same_for_all_seeds(found: tuple[object, list[tuple[int, list[int]]]]) -> None:
    _, seen = found
    parts = [set(samples) for _, samples in seen]
    assert [seed for seed, _ in seen] == [0, 1, 0, 1, 0, 1]
    assert [len(part) for part in parts] == [4, 4, 8, 8, 16, 16]
    assert parts[0] == parts[1] < parts[2] == parts[3] < parts[4]
    assert parts[0] != set(sorted(parts[4])[:4])  # by their hashes, not by their numbers


def test_a_stopped_curve_goes_on(data: xr.DataTree, tmp_path: Path) -> None:
    """`fit` reads back what is finished: the second time nothing is trained, and the errors are the same."""

    def train(part: xr.DataTree, seed: int, path: Path | None) -> sg.Surrogate:
        torch.manual_seed(seed)
        network = sg.models.FNO.for_data(part, hidden_channels=4, n_layers=1, n_modes=4)
        return sg.fit(network, part, path=path, epochs=1, batch_size=8, seed=seed)

    first = learning_curve(train, data, [4], seeds=1, path=tmp_path, progress=False)
    model = tmp_path / "size_000004" / "seed_0" / "surrogate.safetensors"
    made = model.stat().st_mtime_ns
    both = learning_curve(train, data, [4, 8], seeds=1, path=tmp_path, progress=False)
    assert model.stat().st_mtime_ns == made
    assert both.errors[0] == first.errors[0]
    assert both.training_seconds[0] == first.training_seconds[0] != (None,)
    assert both.law is None
    assert "There is no power law" in str(both)
    with pytest.raises(InputError, match="a power law"):
        both.needed(0.1)


def test_the_report_shows_it(found: tuple[LearningCurve, object], data: xr.DataTree, tmp_path: Path) -> None:
    curves = {"off": found[0]}
    report = sg.compare(
        {"off": Off(1.01)}, data["test"], solvers={}, time_budget=0.0, learning_curves=curves, progress=False
    )
    report.save(tmp_path)
    assert (tmp_path / "learning.png").exists()
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["learning_curves"]["off"]["sizes"] == [4, 8, 16]
    assert content["learning_curves"]["off"]["law"]["exponent"] == pytest.approx(0.5, abs=1e-3)
    assert "Learning curve of off: error = " in (tmp_path / "report.html").read_text()
    figure = found[0].plot()
    assert [axes.get_xlabel() for axes in figure.axes] == ["training samples", "seconds for data and training"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sizes": []}, "increasing sizes from 1 to 16"),
        ({"sizes": [8, 4]}, "increasing sizes from 1 to 16"),
        ({"sizes": [4, 17]}, "increasing sizes from 1 to 16"),
        ({"seeds": 0}, "at least one seed"),
        ({"part": "holdout"}, "with the part 'holdout'"),
    ],
)
def test_bad_input(data: xr.DataTree, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        learning_curve(**{"train": lambda *_: Off(1.0), "data": data, "sizes": [4], "progress": False, **arguments})  # type: ignore[arg-type]
