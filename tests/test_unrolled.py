"""Unrolled training: losses and gradients by hand, the same windows as a rollout, curricula, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

import surrogate as sg
from surrogate import Grid, InputError, models, objectives, prepare
from surrogate.datasets import Normalizer, Signature, Windows
from surrogate.training import SurrogateStepper

AsFields = Callable[..., xr.Dataset]
GRID = Grid((16,), periodic=True)
CPU = {"accelerator": "cpu"}
STATE, FACTOR = 1.7, 0.8


def stepper(network: nn.Module, **options: Any) -> SurrogateStepper:
    """Return a surrogate in physical units that are those of the network."""
    signature = Signature(("u",), ("u",), GRID, dt=0.1, **options)
    return SurrogateStepper(network, signature, {"input": Normalizer(["u"]), "output": Normalizer(["u"])})


def scaling() -> nn.Module:
    """Return the stepper u -> w u, w = 0.8."""
    layer = nn.Conv1d(1, 1, 1, bias=False).double()
    nn.init.constant_(layer.weight, FACTOR)
    return layer


class Square:
    """The mean over frames of the square of the mean error: simple enough to differentiate by hand."""

    def __call__(self, prediction: Tensor, target: Tensor, domain: Any) -> Tensor:
        return (prediction - target).mean(-1).square().mean(1)


def gradient(objective: objectives.TrainingObjective, targets: list[float], epoch: int | None = 0) -> tuple[float, ...]:
    model = stepper(scaling())
    x = torch.full((1, 1, 16), STATE, dtype=torch.float64)
    y = torch.tensor(targets, dtype=torch.float64)[None, :, None].expand(1, -1, 16)
    loss = objective.losses(model, {"x": x, "y": y}, epoch)
    (slope,) = torch.autograd.grad(loss.sum(), [*model.network.parameters()])
    return loss.item(), slope.item()


TARGETS = [1.2, 1.1, 0.7, 0.9, 0.3]


@pytest.mark.parametrize("truncate", [None, 1, 2, 3, 5])
def test_loss_and_gradient_are_those_of_the_formula(truncate: int | None) -> None:
    r"""With u_k = w^k a the derivative is k w^(k-1) a; cut every m steps only k - m floor((k-1)/m) factors count."""
    w, a, n = FACTOR, STATE, len(TARGETS)
    errors = [w**k * a - y for k, y in enumerate(TARGETS, start=1)]
    counted = [k - (truncate or n) * ((k - 1) // (truncate or n)) for k in range(1, n + 1)]
    slopes = [count * w ** (k - 1) * a for k, count in enumerate(counted, start=1)]
    loss, slope = gradient(objectives.Unrolled(5, Square(), truncate=truncate), TARGETS)
    assert loss == pytest.approx(sum(e**2 for e in errors) / n, rel=1e-14)
    assert slope == pytest.approx(sum(2 * e * s for e, s in zip(errors, slopes, strict=True)) / n, rel=1e-13)


def test_pushforward_is_the_last_step_from_a_state_that_is_given() -> None:
    w, state = FACTOR, FACTOR**4 * STATE
    error = w * state - TARGETS[-1]
    loss, slope = gradient(objectives.Unrolled(5, Square(), pushforward=True), TARGETS)
    assert (loss, slope) == (pytest.approx(error**2, rel=1e-14), pytest.approx(2 * error * state, rel=1e-13))
    with_first = objectives.Unrolled(1, Square()) + 0.5 * objectives.Unrolled(5, Square(), pushforward=True)
    first = w * STATE - TARGETS[0]
    slope = 2 * first * STATE + 0.5 * 2 * error * state
    assert gradient(with_first, TARGETS) == (pytest.approx(first**2 + 0.5 * error**2), pytest.approx(slope, rel=1e-13))


@pytest.mark.parametrize("options", [{"pushforward": True}, {"truncate": 1}, {}])
def test_validation_compares_all_frames_however_it_is_trained(options: dict[str, Any]) -> None:
    loss = gradient(objectives.Unrolled({0: 1, 3: 5}, Square(), **options), TARGETS, epoch=None)[0]
    assert loss == pytest.approx(gradient(objectives.Unrolled(5, Square()), TARGETS)[0], rel=1e-14)


def test_a_curriculum_is_a_function_of_the_epoch() -> None:
    curriculum = objectives.Unrolled({4: 5, 0: 1, 2: 3}, Square())
    assert repr(curriculum).startswith("Unrolled(steps={0: 1, 2: 3, 4: 5}, objective=")
    for epoch, steps in enumerate([1, 1, 3, 3, 5, 5, 5]):
        alone = gradient(objectives.Unrolled(steps, Square()), TARGETS)
        assert gradient(curriculum, TARGETS, epoch) == alone


@pytest.mark.parametrize("pushforward", [True, False])
def test_what_is_kept_for_the_gradient(pushforward: bool) -> None:
    """Pushforward keeps as much for 9 steps as for 2; the whole gradient in proportion to the steps."""

    def kept(steps: int) -> int:
        sizes: list[int] = []

        def pack(values: Tensor) -> Tensor:
            sizes.append(values.numel() * values.element_size())
            return values

        model = stepper(nn.Sequential(nn.Conv1d(1, 8, 1), nn.Tanh(), nn.Conv1d(8, 1, 1)))
        batch = {"x": torch.ones(2, 1, 16), "y": torch.ones(2, steps, 16)}
        objective = objectives.Unrolled(steps, Square(), pushforward=pushforward)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda values: values):
            objective.losses(model, batch, 0)
        return sum(sizes)

    assert kept(9) == kept(2) if pushforward else kept(9) > 4 * kept(2)


def test_steps_without_gradient_leave_that_of_the_last_whole_under_autocast() -> None:
    """The weights that autocast has cast without gradient must not be used again."""
    torch.manual_seed(0)
    model = stepper(nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"))
    batch = {"x": torch.randn(2, 1, 16), "y": torch.randn(2, 3, 16)}
    with torch.autocast("cpu", torch.bfloat16):
        loss = objectives.Unrolled(3, Square(), pushforward=True).losses(model, batch, 0)
    slopes = torch.autograd.grad(loss.sum(), [*model.parameters()])
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        state = model(model(batch["x"]).detach()).detach()
        by_hand = Square()(model(state), batch["y"][:, 2:], None)
    for one, other in zip(slopes, torch.autograd.grad(by_hand.sum(), [*model.parameters()]), strict=True):
        assert torch.equal(one, other)


class Mixer(nn.Module):
    """A network that uses all there is: two frames, static and forcing channels, parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv1d(2 + 1 + 1 + 1, 2, 1)

    def forward(self, x: Tensor, parameters: Tensor) -> Tensor:
        y: Tensor = self.mix(torch.cat([x, parameters[..., None].expand(-1, -1, x.shape[-1])], dim=1))
        return y


def forced(as_fields: AsFields, horizon: int) -> xr.DataTree:
    rng = np.random.default_rng(0)
    variables = {
        "u": ("sample time x", rng.normal(size=(12, 9, 16))),
        "load": ("sample time x", rng.normal(size=(12, 9, 16))),
        "slope": ("x", rng.normal(size=16)),
        "re": ("sample", rng.uniform(1, 2, size=12)),
    }
    fields = as_fields(GRID, variables, time=0.5 * np.arange(9))
    names = ["u", "load", "slope", "re"]
    return prepare(fields, inputs=names, outputs=["u"], history=2, horizon=horizon, split=(8, 4, 0))


@pytest.mark.filterwarnings("ignore::surrogate.datasets.OutsideTrainingRange")
@pytest.mark.parametrize("steps", [3, 4, 5])
def test_training_and_rollout_see_the_same_frames(as_fields: AsFields, steps: int) -> None:
    """History, forcing at each call, static fields, parameters, and a horizon that does not divide the steps."""
    tree = forced(as_fields, horizon=2)
    torch.manual_seed(0)
    model = sg.fit(Mixer(), tree, epochs=1, trainer=CPU, objective=objectives.Unrolled(steps))
    validation, losses = tree["validation"].to_dataset(), []
    for start in range(9 - 2 - steps + 1):
        predicted = sg.rollout(model, validation.isel(time=slice(start, None)), steps=steps, progress=False)["u"].values
        truth = validation["u"].values[:, start + 2 : start + 2 + steps]
        losses.append(np.sqrt(((predicted - truth) ** 2).sum((1, 2)) / (truth**2).sum((1, 2))))
    assert model.record["validation_loss"] == pytest.approx(np.mean(losses), rel=1e-5)  # single precision


@pytest.fixture(scope="module")
def burgers() -> Callable[..., xr.DataTree]:
    initial = sg.solvers.initial.GaussianRandomField(n_frequencies=4)
    case = sg.cases.Burgers(resolution=16, viscosity=0.05, dt=0.1, steps=6, initial=initial)
    fields = sg.generate(case, samples=12, seed=0, progress=False)
    return lambda **options: prepare(fields, inputs=["u"], outputs=["u"], split=(8, 2, 2), **options)


def test_factformer_with_its_curriculum_and_pushforward(burgers: Callable[..., xr.DataTree]) -> None:
    """Two latent steps: at first one is trained, then both, then those of a second call from the frames of a first."""
    tree = burgers(horizon=2)
    torch.manual_seed(0)
    network = models.FactFormer.for_data(tree, hidden_channels=16, n_layers=1, n_heads=2, latent_steps=2)
    objective = objectives.RelativeL2() + objectives.Unrolled({0: 1, 2: 2, 4: 4}, pushforward=True)
    recipe = sg.OneCycleAdamW(1e-2)
    model = sg.fit(network, tree, epochs=12, batch_size=4, objective=objective, optimizer=recipe, trainer=CPU)
    assert isinstance(model, SurrogateStepper)
    windows = Windows(tree["train"].to_dataset(), model.signature, torch.float32, 4)
    batch = windows.__getitems__([0, 5])
    inputs, output = model.normalizer("input"), model.normalizer("output")
    first = output.denormalize(network.march(inputs.normalize(batch["x"]), steps=1)[:, 0])
    by_hand = (first - batch["y"][:, :1]).norm(dim=(1, 2)) / batch["y"][:, :1].norm(dim=(1, 2))
    curriculum = objectives.Unrolled({0: 1, 2: 2, 4: 4}, pushforward=True)
    torch.testing.assert_close(curriculum.losses(model, batch, 0), by_hand, rtol=1e-5, atol=0)
    again = model(model(batch["x"])[:, 1:])  # the second call starts from the last frame of the first
    by_hand = (again - batch["y"][:, 2:]).norm(dim=(1, 2)) / batch["y"][:, 2:].norm(dim=(1, 2))
    torch.testing.assert_close(curriculum.losses(model, batch, 4), by_hand, rtol=1e-5, atol=0)
    torch.manual_seed(0)
    untrained = models.FactFormer.for_data(tree, hidden_channels=16, n_layers=1, n_heads=2, latent_steps=2)
    before = SurrogateStepper(untrained, model.signature, {"input": inputs, "output": output})
    assert curriculum.losses(model, batch, None).mean() < 0.5 * curriculum.losses(before, batch, None).mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps of at least 1, got 0"),
        ({"steps": {}}, "steps of at least 1"),
        ({"steps": {0: 1, 3: 0}}, "steps of at least 1"),
        ({"steps": {1: 2}}, "a curriculum from epoch 0"),
        ({"steps": {0: 3, 2: 1}}, "steps that do not decrease"),
        ({"steps": 1, "pushforward": True}, "steps above 1 and no `truncate` with pushforward"),
        ({"steps": 3, "pushforward": True, "truncate": 1}, "no `truncate` with pushforward"),
        ({"steps": 3, "truncate": 4}, "truncate from 1 to 3, the steps, got 4"),
        ({"steps": 3, "truncate": 0}, "truncate from 1 to 3"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        objectives.Unrolled(**arguments)


@pytest.mark.parametrize(
    ("objective", "options", "message"),
    [
        (objectives.Unrolled(7), {}, r"at least 8 frames, 1 to start from, got 7 frames\. Train on fewer steps"),
        (objectives.Unrolled(6), {"history": 2}, "at least 8 frames, 2 to start from, got 7 frames"),
        (objectives.Unrolled(4, truncate=3), {"horizon": 2}, "truncate divisible by the horizon 2, got 3"),
        (objectives.Unrolled(2, pushforward=True), {"horizon": 2}, "more steps than the horizon 2 with pushforward"),
    ],
)
def test_data_that_do_not_suffice_are_refused_before_training(
    burgers: Callable[..., xr.DataTree], objective: Any, options: dict[str, Any], message: str
) -> None:
    tree = burgers(**options)
    network = models.FNO.for_data(tree, hidden_channels=4, n_layers=1, n_modes=[4])
    with pytest.raises(InputError, match=message):
        sg.fit(network, tree, objective=objective, trainer=CPU)


def test_a_steady_map_cannot_be_unrolled(as_fields: AsFields) -> None:
    rng = np.random.default_rng(0)
    fields = as_fields(GRID, {name: ("sample x", rng.normal(size=(8, 16))) for name in "ap"})
    tree = prepare(fields, inputs=["a"], outputs=["p"], split=(4, 2, 2))
    with pytest.raises(InputError, match="data that are stepped in time for Unrolled, got a steady map"):
        sg.fit(nn.Conv1d(1, 1, 1), tree, objective=objectives.Unrolled(2), trainer=CPU)
