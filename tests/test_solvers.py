"""What every solver must pass. A new solver is tested by one more entry in SOLVERS."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grid import Grid
from surrogate.solvers import Burgers, Semilinear
from surrogate.solvers.initial import GaussianRandomField


class Member(NamedTuple):
    """A solver with a setting in which it is resolved."""

    make: Callable[..., Semilinear]  # takes grid, dt, substeps, dtype
    grid: Grid
    dt: float
    substeps: int
    initial: Callable[[Grid], Tensor]  # a batch of five
    parameters: list[list[float]]  # one row for each of the five
    float32_error: float  # relative, after ten steps


def burgers(n: int) -> Member:
    return Member(
        make=lambda grid, **kwargs: Burgers(grid, **{"viscosity": 0.02} | kwargs),
        grid=Grid((n,), periodic=True),
        dt=0.05,
        substeps=20,
        initial=lambda grid: 0.2 + GaussianRandomField(n_frequencies=8).samples(grid, seed=0, indices=range(5)),
        parameters=[[0.01], [0.02], [0.05], [0.1], [0.3]],
        float32_error=1e-6,
    )


SOLVERS = {"Burgers-64": burgers(64), "Burgers-63": burgers(63)}


@pytest.fixture(params=SOLVERS.values(), ids=SOLVERS)
def member(request: pytest.FixtureRequest) -> Member:
    return request.param


def make(member: Member, substeps: int | None = None, dtype: torch.dtype = torch.float64, **kwargs: Any) -> Semilinear:
    return member.make(
        member.grid, **{"dt": member.dt, "substeps": substeps or member.substeps, "dtype": dtype} | kwargs
    )


def trajectory(solver: Semilinear, u: Tensor, steps: int, parameters: Tensor | None = None) -> Tensor:
    """Return the states after each step, stacked on the first axis."""
    carry, states = solver.init(u, parameters=parameters), []
    for _ in range(steps):
        carry, new = solver.step(carry)
        states.append(new)
    return torch.stack(states)


def distance(a: Tensor, b: Tensor) -> float:
    return ((a - b).norm() / b.norm()).item()


def test_the_measured_order_is_the_declared_one(member: Member) -> None:
    u, base = member.initial(member.grid), max(8, member.substeps // 2)
    finest = make(member, 64 * base)(u)
    errors = [distance(make(member, base * 2**level)(u), finest) for level in range(1, 4)]
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert orders == pytest.approx(
        [make(member).order] * 2, abs=0.2
    )  # the next term of the error is 1/16 of it or less


def test_invariants_are_conserved_to_round_off(member: Member) -> None:
    solver, u = make(member), member.initial(member.grid)
    states = trajectory(solver, u, 20)
    for name, value in solver.invariants(u).items():
        assert value.shape == (5,)
        drift = (solver.invariants(states[-1])[name] - value).abs().max()
        assert drift <= 1e-15 * (1 + value.abs().max()), name


def test_a_batch_is_a_loop(member: Member) -> None:
    u, parameters = member.initial(member.grid), torch.tensor(member.parameters, dtype=torch.float64)
    for values in (None, parameters):
        batch = trajectory(make(member), u, 5, values)
        for i in range(5):
            alone = trajectory(make(member), u[i : i + 1], 5, None if values is None else values[i : i + 1])
            assert batch[:, i : i + 1].numpy() == pytest.approx(alone.numpy(), rel=0, abs=1e-14)


def test_parameters_override_the_constructor_for_each_sample(member: Member) -> None:
    u, parameters = member.initial(member.grid), torch.tensor(member.parameters, dtype=torch.float64)
    together = make(member)(u, parameters=parameters)
    for i, row in enumerate(member.parameters):
        alone = make(member, **dict(zip(make(member).parameter_fields, row, strict=True)))(u[i : i + 1])
        assert together[i : i + 1].numpy() == pytest.approx(alone.numpy(), rel=0, abs=1e-14)
    with pytest.raises(InputError, match=r"Expected parameters of shape \(5, "):
        make(member)(u, parameters=parameters[:2])


def test_substeps_are_steps(member: Member) -> None:
    u = member.initial(member.grid)
    coarse = trajectory(make(member), u, 3)
    fine = trajectory(make(member, 1, dt=member.dt / member.substeps), u, 3 * member.substeps)
    assert torch.equal(fine[member.substeps - 1 :: member.substeps], coarse)


def test_a_rollout_in_fourier_space_is_a_loop_over_calls(member: Member) -> None:
    solver, u = make(member), member.initial(member.grid)
    states = trajectory(solver, u, 10)
    assert torch.equal(solver(u), states[0])
    for state in states:
        u = solver(u)
        assert u.numpy() == pytest.approx(state.numpy(), rel=0, abs=1e-14)


def test_float32_stays_close(member: Member) -> None:
    u = member.initial(member.grid)
    double, single = trajectory(make(member), u, 10), trajectory(make(member, dtype=torch.float32), u, 10)
    assert single.dtype == make(member, dtype=torch.float32).dtype == torch.float32
    assert distance(single[-1].double(), double[-1]) < member.float32_error


@pytest.mark.gpu
def test_cpu_and_gpu_agree(member: Member) -> None:
    u, parameters = member.initial(member.grid), torch.tensor(member.parameters, dtype=torch.float64)
    for values in (None, parameters):
        there = None if values is None else values.cuda()
        cpu, gpu = trajectory(make(member), u, 10, values), trajectory(make(member).cuda(), u.cuda(), 10, there)
        assert gpu.is_cuda
        assert distance(gpu.cpu(), cpu) < 1e-13


def test_a_resolved_run_has_no_faults(member: Member) -> None:
    solver, u = make(member), member.initial(member.grid)
    for state in trajectory(solver, u, 20):
        for words, mask in solver.faults(u, state).items():
            assert mask.shape == (5, 1), words
            assert not mask.any(), words


def test_faults_are_found(member: Member) -> None:
    solver, u = make(member), member.initial(member.grid)
    broken = u.clone()
    broken[1, 0, ..., 3] = math.nan
    broken[2, 0, ..., 5] = math.inf
    broken[3] += 10 * torch.randn(broken[3].shape, generator=torch.Generator().manual_seed(0))
    faults = solver.faults(u, broken)
    assert faults["is not finite"].flatten().tolist() == [False, True, True, False, False]
    under_resolved = next(mask for words, mask in faults.items() if "is not resolved by the grid" in words)
    assert under_resolved.flatten().tolist() == [False, False, False, True, False]


def test_states_and_domains_that_do_not_fit_are_refused(member: Member) -> None:
    solver, shape = make(member), member.grid.shape
    with pytest.raises(InputError, match="Expected a state of shape"):
        solver(torch.zeros(1, 1, *(n + 1 for n in shape)))
    with pytest.raises(InputError, match="Expected fields on Grid"):
        solver.check_domain(member.grid.with_shape(tuple(n + 1 for n in shape)))
    with pytest.raises(InputError, match="Expected fields on Grid"):
        solver.check_domain(Grid(shape, extent=((0.0, 7.0),) * len(shape), periodic=True))
    solver.check_domain(
        Grid(shape, extent=tuple((low + 1, high + 1) for low, high in member.grid.extent), periodic=True)
    )


def test_settings_say_what_was_solved(member: Member) -> None:
    solver = make(member)
    settings = json.loads(json.dumps(solver.settings))
    assert settings["solver"] == type(solver).__name__
    assert settings["dt"] == solver.dt
    assert settings["dtype"] == "float64"
    assert set(solver.parameter_fields) < set(settings)
    assert {"units", "long_name"} <= set.intersection(*(set(solver.attributes[name]) for name in solver.out_fields))
