"""A solver corrected by a network: the formula, the gradient through the solver, training, file."""

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
from torch import Tensor, nn

import surrogate as sg
from surrogate import Corrected, Grid, InputError, models, solvers
from surrogate.compute import cast_floating
from surrogate.datasets import Normalizer, Signature
from surrogate.training import CorrectedStepper
from surrogate.training.corrected import fit_corrected_normalizers
from surrogate.training.solver_entry import build_solver, describe_solver

GRID = Grid((16,), periodic=True)


def burgers(**options: Any) -> solvers.Burgers:
    return solvers.Burgers(GRID, **{"viscosity": 0.05, "dt": 0.1, "dtype": torch.float32} | options)


def convolution(channels: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(channels, 4, 3, padding=1, padding_mode="circular"), nn.Tanh(), nn.Conv1d(4, 1, 1))


def by_hand() -> CorrectedStepper:
    """Return an untrained one in float64 with numbers of its own in each normalizer."""
    signature = Signature(("u",), ("u",), GRID, dt=0.1)
    normalizers = {"input": Normalizer(["u"]), "output": Normalizer(["u"])}
    for normalizer, mean, std in zip(normalizers.values(), (0.3, 0.02), (0.7, 0.05), strict=True):
        normalizer.mean.fill_(mean)
        normalizer.std.fill_(std)
    parts = Corrected(burgers(dtype=torch.float64), convolution().double())
    model = CorrectedStepper(parts, signature, normalizers)
    cast_floating(model.normalizers, torch.float64)
    return model


class Trained(nn.Module):
    """The losses of a model unrolled over three steps."""

    def __init__(self, model: CorrectedStepper) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return sg.objectives.Unrolled(3).losses(self.model, {"x": x, "y": y}, 0)


@pytest.fixture
def u() -> Tensor:
    x = GRID.unit_coordinates(dtype=torch.float64).reshape(1, 1, 16)
    return torch.cat([torch.sin(2 * torch.pi * x), 0.3 + 0.5 * torch.cos(4 * torch.pi * x)])


def test_a_step_is_that_of_the_solver_and_a_correction(u: Tensor) -> None:
    model = by_hand()
    coarse = model.solver(u)
    expected = coarse + 0.05 * model.network((coarse - 0.3) / 0.7) + 0.02
    torch.testing.assert_close(model(u), expected, rtol=1e-6, atol=0)  # the numbers were float32


def test_the_gradient_passes_through_the_solver(u: Tensor) -> None:
    """Three steps, with the loss of all of them: the derivative by the weights and the first state."""
    model = by_hand()
    parameters = dict(model.network.named_parameters())
    targets = torch.cat([u.flip(-1), u.roll(3, -1), 0.5 * u], dim=1)

    def losses(state: Tensor, *weights: Tensor) -> Tensor:
        given = {f"model.network.{name}": weight for name, weight in zip(parameters, weights, strict=True)}
        return torch.func.functional_call(Trained(model), given, (state, targets))

    weights = [weight.detach().clone().requires_grad_() for weight in parameters.values()]
    assert torch.autograd.gradcheck(losses, (u.clone().requires_grad_(), *weights), fast_mode=True)


@pytest.fixture(scope="module")
def data() -> xr.DataTree:
    initial = solvers.initial.GaussianRandomField(n_frequencies=4)  # no more than 16 points hold
    case = sg.cases.Burgers(resolution=16, viscosity=0.05, dt=0.1, steps=4, initial=initial)
    return sg.prepare(
        sg.generate(case, samples=12, seed=0, progress=False), inputs=["u"], outputs=["u"], split=(8, 2, 2)
    )


def train(network: nn.Module, data: xr.DataTree, **options: Any) -> Any:
    return sg.fit(
        network,
        data,
        **{"epochs": 2, "batch_size": 4, "objective": sg.objectives.Unrolled(2), "trainer": {"accelerator": "cpu"}}
        | options,
    )


def test_the_scale_of_the_correction_is_the_error_of_the_solver(data: xr.DataTree) -> None:
    solver = burgers(dtype=torch.float64)
    model = train(Corrected(solver, convolution()), data, precision="64-true")
    values = torch.from_numpy(data["train"]["u"].values).double()
    error = values[:, 1:] - solver(values[:, :-1].reshape(-1, 1, 16)).reshape(8, 4, 16)
    torch.testing.assert_close(model.normalizer("output").mean, error.mean()[None], rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(model.normalizer("output").std, error.std(correction=0)[None], rtol=1e-5, atol=0)
    assert model.normalizer("output").std < 0.1 * model.normalizer("input").std


def test_the_solver_takes_the_parameters_of_each_sample_by_name() -> None:
    """With them it makes the data, so that there is nothing to correct."""
    viscosity = np.linspace(0.02, 0.1, 5)
    solver = burgers(dtype=torch.float64)
    frames = [torch.rand(5, 1, 16, dtype=torch.float64)]
    for _ in range(3):
        frames.append(solver(frames[-1], parameters=torch.from_numpy(viscosity)[:, None]))
    variables = {
        "u": (("sample", "time", "x"), torch.stack(frames[1:], dim=1)[:, :, 0].numpy(), {"units": "1"}),
        "re": (("sample",), 1 / viscosity, {"units": "1"}),
        "viscosity": (("sample",), viscosity, {"units": "1"}),
    }
    fields = xr.Dataset(variables, {"time": ("time", 0.1 * np.arange(3), {"units": "1"}), **GRID.coordinates()})
    tree = sg.prepare(fields, inputs=["u", "re", "viscosity"], outputs=["u"], split=(5, 0, 0))
    part = tree["train"].to_dataset()
    found = fit_corrected_normalizers(burgers(viscosity=7.0), part, Signature.from_data(part), torch.float32)["output"]
    assert found.mean.abs().max() < 1e-7  # single precision
    assert 0 < found.std.max() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_is_trained_saved_and_loaded_with_its_solver(data: xr.DataTree, tmp_path: Path, dtype: torch.dtype) -> None:
    network = models.FNO(1, 1, dim=1, hidden_channels=4, n_layers=2, n_modes=4, periodic=True)
    model = train(Corrected(burgers(dtype=dtype), network), data, path=tmp_path / "run")
    assert isinstance(model, CorrectedStepper)
    back = sg.load(tmp_path / "run" / "surrogate.safetensors")
    assert isinstance(back, CorrectedStepper)
    assert back.solver.dtype == dtype
    assert back.solver.settings == model.solver.settings
    one, other = (sg.rollout(stepper, data["test"], steps=6, progress=False) for stepper in (model, back))
    xr.testing.assert_identical(one, other)
    again = train(Corrected(burgers(dtype=dtype), network), data, path=tmp_path / "run")  # finished: it is read back
    xr.testing.assert_identical(sg.rollout(again, data["test"], steps=6, progress=False), one)
    with pytest.raises(InputError, match=r"the training that .* holds, got another network"):
        train(Corrected(burgers(dtype=dtype, viscosity=0.1), network), data, path=tmp_path / "run")


def test_a_network_of_the_user_is_named_when_loading(data: xr.DataTree, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = train(Corrected(burgers(), convolution()), data)
    model.save(path)
    with pytest.raises(InputError, match="one of our networks"):
        sg.load(path)
    for given in (convolution(), Corrected(burgers(), convolution())):
        back = sg.load(path, network=given)
        x = torch.ones(1, 1, 16)
        assert torch.equal(back(x), model(x))


@pytest.mark.parametrize("name", ["Stepper.save", "ETDRK4", "os.system", "initial"])
def test_a_solver_in_a_file_is_one_of_ours(data: xr.DataTree, tmp_path: Path, name: str) -> None:
    network = models.FNO(1, 1, dim=1, hidden_channels=4, n_layers=1, n_modes=4, periodic=True)
    train(Corrected(burgers(), network), data, path=tmp_path)
    with safetensors.safe_open(tmp_path / "surrogate.safetensors", framework="pt") as file:
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # not a mapping
        manifest = json.loads(file.metadata()["manifest"])
    manifest["network"]["arguments"]["solver"]["solver"] = name
    save_file(state, tmp_path / "other.safetensors", {"manifest": json.dumps(manifest)})
    with pytest.raises(InputError, match=f"one of our solvers, got '{name}'"):
        sg.load(tmp_path / "other.safetensors")


LINE, PLANE = Grid((24,), extent=(2.0,), periodic=True), Grid((8, 9), periodic=True)


@pytest.mark.parametrize(
    "solver",
    [
        solvers.Burgers(LINE, viscosity=0.1, dt=0.01, substeps=3, dtype=torch.float32),
        solvers.AdvectionDiffusion(PLANE, velocity=[1.0, -0.5], diffusivity=0.01, dt=0.1),
        solvers.Advection(LINE, velocity=0.3, dt=0.1),
        solvers.KdV(LINE, dt=0.001),
        solvers.KuramotoSivashinsky(LINE, dt=0.01),
        solvers.FisherKPP(LINE, diffusivity=0.01, rate=1.0, dt=0.01),
    ],
    ids=lambda solver: type(solver).__name__,
)
def test_solvers_are_made_again_from_their_settings(solver: sg.Stepper) -> None:
    back = build_solver(json.loads(json.dumps(describe_solver(solver))))
    u = torch.rand(2, 1, *solver.domain.shape, dtype=solver.dtype)
    assert torch.equal(back(u), solver(u))
    assert (back.domain, back.dt, back.settings) == (solver.domain, solver.dt, solver.settings)


class Mine(solvers.Burgers):
    pass


@pytest.mark.parametrize(
    ("parts", "options", "message"),
    [
        ((burgers(dt=0.2), convolution()), {}, r"data with frames 0\.2 apart, got 0\.1"),
        ((solvers.Burgers(LINE, viscosity=0.1, dt=0.1), convolution()), {}, "fields on"),
        ((burgers(viscosity=1e-6), convolution()), {}, "a solver that takes a step from every training state"),
        ((burgers(), convolution(2)), {}, "a network that fits the data"),
        (
            (burgers(), convolution()),
            {"horizon": 2},
            r"horizon 1 for a corrected solver, .* objective=Unrolled\(steps\)",
        ),
    ],
)
def test_parts_that_do_not_fit_the_data_are_refused(
    data: xr.DataTree, parts: tuple[Any, Any], options: dict[str, Any], message: str
) -> None:
    if "takes a step" in message:
        data = data.copy(deep=True)
        data["train"]["u"].values[:] *= 1e6
    if "horizon" in options:
        data = xr.DataTree.from_dict({name: part.to_dataset().assign_attrs(options) for name, part in data.items()})
        options = {}
    with pytest.raises(InputError, match=message):
        train(Corrected(*parts), data, **options)


def test_a_solver_that_is_not_ours_is_given_when_loading(data: xr.DataTree, tmp_path: Path) -> None:
    parts = Corrected(Mine(GRID, viscosity=0.05, dt=0.1, dtype=torch.float32), convolution())
    model = train(parts, data)
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"our solvers, got 'Mine'\. Pass `network=Corrected\(solver, network\)`"):
        sg.load(tmp_path / "model.safetensors", network=convolution())
    back = sg.load(tmp_path / "model.safetensors", network=parts)
    assert torch.equal(back(torch.ones(1, 1, 16)), model(torch.ones(1, 1, 16)))


def test_what_is_not_in_the_settings_is_noticed() -> None:
    solver = burgers()
    solver.flux *= 2
    with pytest.raises(InputError, match="a solver that its settings make again, got 'Burgers'"):
        build_solver(describe_solver(solver))


def test_a_solver_with_a_memory_is_refused() -> None:
    solver = burgers()
    solver.history = 2
    with pytest.raises(InputError, match="a solver from one state to the next, got history 2"):
        Corrected(solver, convolution())
