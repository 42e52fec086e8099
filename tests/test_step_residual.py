"""The residual of a solver's steps: its order, its gradient, training without targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

import surrogate as sg
from surrogate import Grid, InputError, objectives, solvers
from surrogate.datasets import Normalizer, Signature
from surrogate.training import SurrogateStepper
from surrogate.training.objectives import StepResidual

AsFields = Callable[..., xr.Dataset]
GRID = Grid((16,), periodic=True)
CPU = {"accelerator": "cpu"}


def burgers(**options: Any) -> solvers.Burgers:
    return solvers.Burgers(GRID, **{"viscosity": 0.02, "dt": 0.1, **options})


def stepper(network: nn.Module, **options: Any) -> SurrogateStepper:
    signature = Signature(("u",), ("u",), GRID, dt=0.1, **options)
    names = {"input": ("u",), "output": ("u",), "parameter": signature.parameter_fields}
    return SurrogateStepper(network, signature, {role: Normalizer(fields) for role, fields in names.items() if fields})


class Solved(nn.Module):
    """A solver in the place of a network."""

    def __init__(self, solver: sg.Stepper, horizon: int = 1) -> None:
        super().__init__()
        self.solver, self.horizon = solver, horizon

    def forward(self, x: Tensor) -> Tensor:
        frames, state = [], x[:, -1:]
        for _ in range(self.horizon):
            state = self.solver(state)
            frames.append(state)
        return torch.cat(frames, dim=1)


@pytest.fixture
def u() -> Tensor:
    x = GRID.unit_coordinates(dtype=torch.float64).reshape(1, 1, 16)
    return torch.cat([torch.sin(2 * torch.pi * x), 0.3 + 0.5 * torch.cos(4 * torch.pi * x)])


@pytest.mark.parametrize(("history", "horizon", "steps"), [(1, 1, 1), (1, 1, 4), (3, 2, 3), (1, 4, 2)])
def test_the_steps_of_the_solver_itself_have_none(u: Tensor, history: int, horizon: int, steps: int) -> None:
    model = stepper(Solved(burgers(), horizon), history=history, horizon=horizon)
    batch = {"x": torch.cat([*[torch.zeros_like(u)] * (history - 1), u], dim=1)}
    assert StepResidual(burgers(), steps).losses(model, batch, 0).max() < 1e-14


@pytest.mark.parametrize(("scheme", "order"), [("ETDRK2", 2), ("ETDRK3", 3), ("ETDRK4", 4)])
def test_that_of_the_true_solution_is_of_the_order_of_the_scheme(u: Tensor, scheme: Any, order: int) -> None:
    model = stepper(Solved(burgers(substeps=256)))
    residuals = [
        StepResidual(burgers(scheme=scheme, substeps=substeps), 3).losses(model, {"x": u}, 0).max().item()
        for substeps in (8, 16)
    ]
    assert np.log2(residuals[0] / residuals[1]) == pytest.approx(order, abs=0.2)  # up to the next order in dt/8


class Weighed(nn.Module):
    def __init__(self, model: SurrogateStepper, objective: objectives.TrainingObjective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, x: Tensor, parameters: Tensor | None = None) -> Tensor:
        return self.objective.losses(self.model, {"x": x, "parameters": parameters}, 0)


def test_the_gradient_passes_through_model_and_solver(u: Tensor) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(1, 2, 3, padding=1, padding_mode="circular"), nn.Tanh(), nn.Conv1d(2, 1, 1))
    weighed = Weighed(stepper(network.double()), StepResidual(burgers(), 3))
    names = [f"model.network.{name}" for name, _ in network.named_parameters()]

    def losses(state: Tensor, *weights: Tensor) -> Tensor:
        return torch.func.functional_call(weighed, dict(zip(names, weights, strict=True)), (state,))

    weights = [weight.detach().clone().requires_grad_() for weight in network.parameters()]
    assert torch.autograd.gradcheck(losses, (u.clone().requires_grad_(), *weights))


def test_the_solver_takes_the_parameters_of_each_sample(u: Tensor) -> None:
    class Chosen(nn.Module):
        def forward(self, x: Tensor, parameters: Tensor) -> Tensor:
            pairs = zip(x, parameters[:, 1].tolist(), strict=True)
            return torch.cat([burgers(viscosity=viscosity)(state[None]) for state, viscosity in pairs])

    model = stepper(Chosen(), parameter_fields=("re", "viscosity"))
    batch = {"x": u, "parameters": torch.tensor([[1000.0, 0.02], [500.0, 0.05]], dtype=torch.float64)}
    assert StepResidual(burgers(viscosity=7.0), 2).losses(model, batch, 0).max() < 1e-14


def test_a_network_is_trained_by_the_equation_alone(as_fields: AsFields) -> None:
    """The targets are noise; what counts is that the steps are those of the solver, of heat conduction here."""
    rng = np.random.default_rng(0)
    grid = Grid((8,), periodic=True)
    fields = as_fields(grid, {"u": ("sample time x", rng.normal(size=(40, 2, 8)))}, time=[0.0, 0.1])
    tree = sg.prepare(fields, inputs=["u"], outputs=["u"], split=(32, 4, 4))
    solver = solvers.Diffusion(grid, diffusivity=0.1, dt=0.1, dtype=torch.float32)
    torch.manual_seed(0)
    network = nn.Conv1d(1, 1, 8, padding="same", padding_mode="circular")
    model = sg.fit(
        network,
        tree,
        epochs=60,
        batch_size=4,
        objective=StepResidual(solver, steps=2),
        optimizer=sg.OneCycleAdamW(0.03, weight_decay=0.0),
        trainer=CPU,
    )
    # it is a convolution of eight points and in reach, but for the Nyquist mode that the solver drops from the start
    u = torch.from_numpy(tree["test"]["u"].values[:, :1]).float()
    u = u - torch.fft.irfft(torch.fft.rfft(u) * torch.tensor([0, 0, 0, 0, 1.0]), n=8)
    with torch.no_grad():
        assert (model(u) - solver(u)).norm() < 0.02 * solver(u).norm()


@pytest.fixture
def tree(as_fields: AsFields) -> xr.DataTree:
    values = np.random.default_rng(0).normal(size=(8, 3, 16))
    fields = as_fields(GRID, {"u": ("sample time x", values)}, time=[0.0, 0.1, 0.2])
    return sg.prepare(fields, inputs=["u"], outputs=["u"], split=(4, 2, 2))


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (burgers(dt=0.2), r"data with frames 0\.2 apart, got 0\.1"),
        (solvers.Burgers(Grid((32,), periodic=True), viscosity=0.02, dt=0.1), "fields on Grid"),
        (solvers.GrayScott(GRID, feed=0.04, kill=0.06, dt=0.1), r"data of \('a', 'b'\), got \('u',\)"),
    ],
)
def test_another_solver_than_that_of_the_data_is_refused(tree: xr.DataTree, solver: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sg.fit(nn.Conv1d(1, 1, 1), tree, objective=sg.objectives.RelativeL2() + StepResidual(solver), trainer=CPU)


def test_what_is_no_solver_in_time_is_refused() -> None:
    box = Grid((8, 8), boundary=(("dirichlet", "dirichlet"),) * 2, location="cell")
    with pytest.raises(InputError, match=r"a solver from one state to the next, got Darcy\. Use SteadyResidual"):
        StepResidual(solvers.Darcy(box))
    with pytest.raises(InputError, match="steps of at least 1"):
        StepResidual(burgers(), 0)


def test_its_text_tells_solvers_apart() -> None:
    made = [burgers(), burgers(viscosity=0.03), burgers(substeps=2), burgers(dtype=torch.float32), burgers(dt=0.2)]
    assert len({repr(StepResidual(solver)) for solver in made}) == len(made)
    assert repr(StepResidual(burgers())) == repr(StepResidual(burgers()))
