"""Forced plane flows: their time step is stable and accurate, their ladder useful, and they can be rebuilt."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

import surrogate as sg
from surrogate.cases import Kolmogorov, NavierStokes, PlaneFlow, SolverChoice
from surrogate.datasets.errors import InputError
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.evaluation import Coarse
from surrogate.solvers import velocity_from_vorticity

LAMINAR = NavierStokes(32, 2e-3, steps=10)
STIRRED = Kolmogorov(32, 0.05, wavenumber=2, dt=0.25, steps=4, warm_up=0.5)
CASES = pytest.mark.parametrize("case", [LAMINAR, STIRRED], ids=["navier-stokes", "kolmogorov"])


def end(case: PlaneFlow, choice: SolverChoice, samples: int = 4) -> torch.Tensor:
    """Return the last frame at the resolution of the case."""
    solver = case.solver(*choice)
    state = case.initial_state(range(samples), seed=0, resolution=choice.resolution).to(solver.dtype)
    carry = solver.init(state)
    for _ in range(case.steps):
        carry, state = solver.step(carry)
    return resample_periodic(state.double(), case.grid.shape)


def error(state: torch.Tensor, truth: torch.Tensor) -> float:
    return ((state - truth).flatten(1).norm(dim=1) / truth.flatten(1).norm(dim=1)).mean().item()


@CASES
def test_the_default_time_step_is_stable_and_accurate(case: PlaneFlow) -> None:
    substeps = case.default_substeps(case.resolution)
    truth = end(case, SolverChoice(case.resolution, 4 * substeps))
    assert error(end(case, SolverChoice(case.resolution, substeps)), truth) < 1e-6  # a thousandth of that in space


@CASES
def test_the_speed_that_limits_the_time_step_is_not_exceeded_nor_far_off(case: PlaneFlow) -> None:
    frames = to_tensor(sg.generate(case, 16, progress=False), ("vorticity",), torch.float64).flatten(0, 1)
    speed = velocity_from_vorticity(frames, case.grid).norm(dim=1).max().item()
    assert 0.3 * case.fastest < speed < case.fastest
    assert case.solver().dt_max(case.fastest_state(case.grid)) <= case.solver().dt_max(frames)


@CASES
def test_the_ladder_leads_from_useless_to_exact(case: PlaneFlow) -> None:
    ladder = case.ladder()
    assert len(set(ladder)) == len(ladder)
    assert ladder[-1] == SolverChoice(case.resolution, case.default_substeps(case.resolution))
    truth = end(case, case.reference_settings(*ladder))
    found = [error(end(case, choice), truth) for choice in ladder]
    assert found[-1] < 1e-2
    assert max(value for value in found if value == value) > 0.02


@CASES
def test_settings_identify_the_case(case: PlaneFlow) -> None:
    again = type(case).from_settings(json.loads(json.dumps(case.settings)))
    assert again == case
    assert torch.equal(again.initial_state([3], seed=1), case.initial_state([3], seed=1))


def test_published_configurations_are_those_of_the_specification() -> None:
    assert {name: NavierStokes.published(name).viscosity for name in NavierStokes.PUBLISHED} == {
        "V1e-3": 1e-3,
        "V1e-4": 1e-4,
        "V1e-5": 1e-5,
    }
    case = Kolmogorov.published("factformer")
    y = torch.as_tensor(case.grid.axes[1])
    torch.testing.assert_close(case.forcing(case.grid)[5], -8 * torch.cos(8 * y))
    assert (case.resolution, case.viscosity, case.drag, case.dt, case.steps * case.dt) == (256, 1e-3, 0.1, 1 / 32, 8.0)


def test_the_first_frame_is_the_flow_after_the_warm_up() -> None:
    cold = Kolmogorov(**{**vars(STIRRED), "warm_up": 0.0})
    start = cold.initial_state([2], seed=0)
    torch.testing.assert_close(STIRRED.initial_state([2], seed=0), cold.solver()(cold.solver()(start)))
    fine = STIRRED.initial_state([2], seed=0, resolution=64)
    torch.testing.assert_close(fine[..., ::2, ::2], STIRRED.initial_state([2], seed=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (NavierStokes, {"viscosity": -1.0}, "Expected a positive viscosity"),
        (NavierStokes, {"steps": 0}, "Expected at least one step, got 0"),
        (Kolmogorov, {"drag": -0.1}, "drag"),
        (Kolmogorov, {"warm_up": 0.01}, r"Expected a warm-up that is a multiple of dt, got 0\.01"),
        (Kolmogorov, {"warm_up": -1.0}, "Expected a warm-up that is a multiple of dt"),
    ],
)
def test_wrong_arguments_are_refused(kind: type[PlaneFlow], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        kind(**arguments)


def test_a_flow_is_compared_with_a_finer_reference() -> None:
    case = NavierStokes(16, 4e-3, steps=2)
    truth = sg.generate(case, 2, progress=False)
    half = Coarse(case.solver(8), case.grid)
    report = sg.compare({"half": half}, truth, time_budget=0.5, progress=False)
    assert report.floor is not None
    assert report.floor < 1e-3
    assert float(report.scores["error"].sel(member="half").max()) < 0.05
