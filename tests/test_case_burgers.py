"""The Burgers case: what it solves by default is accurate, and it can be rebuilt from what files say."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from surrogate.cases import Burgers, SolverChoice
from surrogate.datasets.errors import InputError
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.solvers.initial import GaussianRandomField

SMOOTH = Burgers(64, 0.1)
SHARP = Burgers(128, 0.01, dt=0.05, steps=10, initial=GaussianRandomField.paper(n_frequencies=32))


def solve(case: Burgers, choice: SolverChoice, count: int = 8) -> torch.Tensor:
    """Return the state after ``dt`` at the resolution of the case."""
    solver = case.solver(*choice)
    u = case.initial_state(range(count), seed=0, resolution=choice.resolution)
    return resample_periodic(solver(u.to(solver.dtype)).double(), (case.resolution,))


def errors(states: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return ((states - truth).flatten(1).norm(dim=1) / truth.flatten(1).norm(dim=1)).detach()


@pytest.mark.parametrize("case", [SMOOTH, SHARP], ids=["smooth", "sharp"])
def test_the_default_time_step_is_stable_and_accurate(case: Burgers) -> None:
    substeps = case.default_substeps(case.resolution)
    u = case.initial_state(range(64), seed=0)
    assert case.dt < case.solver().dt_max(u)
    truth = case.solver(substeps=4 * substeps)(u)
    assert errors(case.solver()(u), truth).mean() < 1e-7  # well below 1e-6, as promised


@pytest.mark.parametrize("case", [SMOOTH, SHARP], ids=["smooth", "sharp"])
def test_the_ladder_leads_from_useless_to_exact(case: Burgers) -> None:
    ladder = case.ladder()
    assert 15 <= len(ladder) <= 35
    assert len(set(ladder)) == len(ladder)
    assert ladder[-1] == SolverChoice(case.resolution, case.default_substeps(case.resolution))
    truth = solve(case, case.reference_settings(*ladder))
    found = torch.stack([errors(solve(case, choice), truth).mean() for choice in ladder]).nan_to_num(torch.inf)
    assert found[-1] == found.min()
    front = found[(found > 1e-5) & (found < 1)].sort().values
    assert front[0] < 1e-4  # where surrogates lie, between 1e-4 and 0.02, the front has points to interpolate between
    assert front[-1] > 0.02
    assert (front[1:] / front[:-1]).max() < 50  # halving the step divides a fourth-order error by 16, asymptotically


def test_the_reference_is_twice_as_fine_as_anything_else() -> None:
    for competitors in ([], SMOOTH.ladder(), [SolverChoice(1024, 4096)]):
        reference = SMOOTH.reference_settings(*competitors)
        assert reference.resolution >= 2 * max([SMOOTH.resolution, *(c.resolution for c in competitors)])
        assert reference.substeps >= 2 * max([SMOOTH.default_substeps(64), *(c.substeps for c in competitors)])
        assert reference.dtype == torch.float64


@pytest.mark.parametrize("case", [SMOOTH, SHARP, *(Burgers.published(name) for name in Burgers.PUBLISHED)])
def test_settings_identify_the_case(case: Burgers) -> None:
    again = Burgers.from_settings(json.loads(json.dumps(case.settings)))
    assert again == case
    assert torch.equal(again.initial_state([3], seed=1), case.initial_state([3], seed=1))


def test_published_configurations_are_those_of_the_specification() -> None:
    case = Burgers.published("R10")
    assert (case.resolution, case.viscosity, case.dt, case.steps) == (8192, 0.1, 1.0, 1)
    assert case.initial.standard_deviation() == pytest.approx(0.274, abs=5e-4)
    assert Burgers.published("paper").initial.standard_deviation() == pytest.approx(0.594, abs=5e-4)
    assert case.grid.axes[0][-1] == 8191 / 8192  # the end point is the first point again


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"viscosity": -1.0}, "Expected a positive viscosity"),
        ({"dt": 0.0}, "Expected a positive time step dt"),
        ({"steps": 0}, "Expected at least one step, got 0"),
        ({"resolution": 1}, "Expected at least 2 points along x"),
    ],
)
def test_wrong_arguments_are_refused(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Burgers(**kwargs)


def test_settings_and_names_of_others_are_refused() -> None:
    with pytest.raises(InputError, match="Expected settings of the case Burgers, got KdV"):
        Burgers.from_settings(SMOOTH.settings | {"case": "KdV"})
    with pytest.raises(InputError, match="Expected one of R10, paper, v1000, got R11"):
        Burgers.published("R11")
