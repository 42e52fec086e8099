"""What every solver must pass: see members/solvers.py."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
import xarray as xr
from torch import Tensor

from members.solvers import LINEAR, SEMILINEAR, SOLVERS, Member
from surrogate import NumericalFailure, rollout
from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.solvers import (
    PeriodicEquation,
)
from surrogate.solvers.schemes import ORDERS, SCHEMES

AsFields = Callable[..., xr.Dataset]


@pytest.fixture(params=SOLVERS.values(), ids=SOLVERS)
def member(request: pytest.FixtureRequest) -> Member:
    return request.param


@pytest.fixture(params=SEMILINEAR.values(), ids=SEMILINEAR)
def semilinear(request: pytest.FixtureRequest) -> Member:
    return request.param


@pytest.fixture(params=LINEAR.values(), ids=LINEAR)
def linear(request: pytest.FixtureRequest) -> Member:
    return request.param


def make(
    member: Member,
    substeps: int | None = None,
    dtype: torch.dtype = torch.float64,
    grid: Grid | None = None,
    **kwargs: Any,
) -> PeriodicEquation:
    return member.make(
        grid or member.grid, **{"dt": member.dt, "substeps": substeps or member.substeps, "dtype": dtype} | kwargs
    )


def trajectory(solver: PeriodicEquation, u: Tensor, steps: int, parameters: Tensor | None = None) -> Tensor:
    """Return the states after each step, stacked on the first axis."""
    carry, states = solver.init(u, parameters=parameters), []
    for _ in range(steps):
        carry, new = solver.step(carry)
        states.append(new)
    return torch.stack(states)


def distance(a: Tensor, b: Tensor) -> float:
    return ((a - b).norm() / b.norm()).item()


def round_off(u: Tensor) -> float:
    return 1e-14 * max(1.0, u.abs().max().item())


def test_the_measured_order_is_the_declared_one(semilinear: Member) -> None:
    u, base = semilinear.initial(semilinear.grid), max(semilinear.asymptotic, semilinear.substeps // 2)
    finest = make(semilinear, 64 * base)(u)
    errors = [distance(make(semilinear, base * 2**level)(u), finest) for level in range(1, 4)]
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert orders == pytest.approx(
        [make(semilinear).order] * 2, abs=0.2
    )  # the next term of the error is 1/16 of it or less


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "ETDRK4"])
@pytest.mark.parametrize("name", ["Burgers-64", "KdV", "AllenCahn", "NavierStokes2D"])
def test_the_measured_order_of_other_schemes_is_the_declared_one(name: str, scheme: str) -> None:
    member = SEMILINEAR[name]
    u, base = member.initial(member.grid), 4 * max(member.asymptotic, member.substeps // 2)
    finest = make(member, 16 * base)(u)
    errors = [distance(make(member, base * 2**level, scheme=scheme)(u), finest) for level in range(2)]
    solver = make(member, scheme=scheme)
    assert math.log2(errors[0] / errors[1]) == pytest.approx(solver.order, abs=0.2)
    assert solver.settings["scheme"] == scheme
    assert solver.settings["order"] == solver.order == ORDERS[scheme]
    assert solver.dt_max(u) <= make(member).dt_max(u)


def test_one_step_of_a_linear_equation_is_exact(linear: Member) -> None:
    u = linear.initial(linear.grid)
    assert make(linear).order == make(linear).dt_max(u) == math.inf
    many = trajectory(make(linear, dt=linear.dt / 8), u, 8)[-1]
    assert (make(linear)(u) - many).abs().max() <= 1e-14


def test_the_error_in_space_falls_faster_than_any_power(semilinear: Member) -> None:
    """An error e^(-c n) is squared as n doubles; one of order p would only fall by the factor 2^p."""
    n, (points, *_) = semilinear.coarse, semilinear.grid.shape
    solutions, (finest, substeps) = [], (8, 100) if semilinear.grid.dim < 3 else (4, 8)
    for factor in (1, 2, finest):
        grid = semilinear.grid.with_shape(tuple(factor * n * m // points for m in semilinear.grid.shape))
        u = make(semilinear, substeps, grid=grid)(semilinear.initial(grid))
        solutions.append(u[..., *[slice(None, None, factor)] * grid.dim])
    first, second = (distance(solution, solutions[-1]) for solution in solutions[:2])
    assert 1e-7 < first < 0.1
    assert second < first**1.7


def test_linear_invariants_are_conserved_to_round_off(member: Member) -> None:
    solver, u = make(member), member.initial(member.grid)
    states = trajectory(solver, u, 20)
    for name, value in solver.invariants(u).items():
        assert value.shape == (5,)
        if name.startswith("mean") and torch.equal(solver.invariants(2 * u)[name], 2 * value):
            drift = (solver.invariants(states[-1])[name] - value).abs().max()
            assert drift <= 1e-15 * (1 + value.abs().max()), name


def test_other_invariants_drift_with_the_order_of_the_scheme(semilinear: Member) -> None:
    u = semilinear.initial(semilinear.grid)
    drifts = []
    for substeps in (semilinear.substeps // 2, semilinear.substeps):
        solver = make(semilinear, substeps)
        start, end = (solver.invariants(state) for state in (u, trajectory(solver, u, 20)[-1]))
        drifts.append({name: (end[name] - start[name]).abs().max().item() for name in start})
    for name, drift in drifts[1].items():
        assert drift <= max(1e-15 * 20, drifts[0][name] / 2**4), name


def test_a_batch_is_a_loop(member: Member) -> None:
    u, parameters = member.initial(member.grid), torch.tensor(member.parameters, dtype=torch.float64)
    for values in (None, parameters):
        batch = trajectory(make(member), u, 5, values)
        for i in range(5):
            alone = trajectory(make(member), u[i : i + 1], 5, None if values is None else values[i : i + 1])
            assert (batch[:, i : i + 1] - alone).abs().max() <= round_off(alone)


def test_parameters_override_the_constructor_for_each_sample(member: Member) -> None:
    u, parameters = member.initial(member.grid), torch.tensor(member.parameters, dtype=torch.float64)
    together = make(member)(u, parameters=parameters)
    for i, row in enumerate(member.parameters):
        alone = make(member, **dict(zip(make(member).parameter_fields, row, strict=True)))(u[i : i + 1])
        assert (together[i : i + 1] - alone).abs().max() <= round_off(alone)
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
        assert (u - state).abs().max() <= 1e-14 * state.abs().max().item()


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
            assert mask.shape == (5, len(solver.out_fields)), words
            assert not mask.any(), words


def test_half_of_dt_max_is_stable_and_a_step_far_too_large_is_noticed_within_ten_steps(semilinear: Member) -> None:
    u = semilinear.initial(semilinear.grid)
    limit = make(semilinear, 1).dt_max(u)
    for excess in (0.5, 20.0, 100.0, 1000.0):
        solver = make(semilinear, 1, dt=excess * limit)
        found = [any(mask.any() for mask in solver.faults(u, state).values()) for state in trajectory(solver, u, 10)]
        assert any(found) == (excess > 1)
    text = f"For the initial state dt_max is {limit:.3g} with substeps=1; dt is {1000 * limit:.3g}."
    assert solver.advice(u) == text


def test_a_rollout_that_stops_names_the_limit_of_the_time_step(semilinear: Member, as_fields: AsFields) -> None:
    u, limit = semilinear.initial(semilinear.grid), make(semilinear, 1).dt_max(semilinear.initial(semilinear.grid))
    solver = make(semilinear, 1, dt=100 * limit)
    frames = {
        name: (f"sample {' '.join(semilinear.grid.names)}", u[:, channel].numpy())
        for channel, name in enumerate(solver.in_fields)
    }
    with pytest.raises(NumericalFailure, match=rf"Rollout stopped at .*dt_max is {limit:.3g} with substeps=1"):
        rollout(solver, as_fields(semilinear.grid, frames), steps=10)


def test_faults_are_found(member: Member) -> None:
    solver, u = make(member), member.initial(member.grid)
    broken = u.clone()
    broken[1, 0, ..., 3] = math.nan
    broken[2, 0, ..., 5] = math.inf
    broken[3] += 10 * torch.randn(broken[3].shape, generator=torch.Generator().manual_seed(0))
    faults = solver.faults(u, broken)
    assert faults["is not finite"][:, 0].tolist() == [False, True, True, False, False]
    under_resolved = next(mask for words, mask in faults.items() if "is not resolved by the grid" in words)
    assert under_resolved[:, 0].tolist() == [False, False, False, True, False]


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


def test_states_elsewhere_than_the_solver_are_refused(member: Member) -> None:
    u = member.initial(member.grid)
    with pytest.raises(InputError, match=r"Expected a state on cpu, where the solver is, got meta\. Move one of them"):
        make(member)(u.to("meta"))


def test_constants_of_the_wrong_sign_are_refused(member: Member) -> None:
    """A negative viscosity for one, of the constructor or of a single sample."""
    solver, u = make(member), member.initial(member.grid)
    for column, name in enumerate(solver.parameter_fields):
        rows = torch.tensor(member.parameters, dtype=torch.float64)
        signs = (name in solver.positive_fields, name in solver.nonnegative_fields)
        wrong = {(True, False): (-1e-3, 0.0), (False, True): (-1e-3,)}.get(signs, ())
        for value in (*wrong, math.nan, math.inf):
            with pytest.raises(InputError, match=rf"Expected a (positive|finite).* {name}, got \[{value}\]"):
                make(member, **{name: value})
            rows[3, column] = value
            with pytest.raises(InputError, match=rf"Expected a (positive|finite).* {name}, got "):
                solver(u, parameters=rows)


def test_odd_grids_are_as_accurate_as_even_ones(member: Member) -> None:
    """Against the solution on twice the points; round-off is that of the resampling."""
    substeps = 50 if member.grid.dim < 3 and member.substeps > 1 else 8
    even = tuple(n + n % 2 for n in member.grid.shape)
    odd = tuple(n + 1 for n in even)
    grid = member.grid.with_shape(tuple(2 * n for n in even))
    fine, errors = make(member, substeps, grid=grid)(member.initial(grid)), []
    for shape in (even, odd):
        grid = member.grid.with_shape(shape)
        errors.append(distance(make(member, substeps, grid=grid)(member.initial(grid)), resample_periodic(fine, shape)))
    assert errors[1] < 3 * errors[0] + 1e-12
    assert errors[0] < 3e-3


def test_settings_say_what_was_solved(member: Member) -> None:
    solver = make(member)
    settings = json.loads(json.dumps(solver.settings))
    assert settings["solver"] == type(solver).__name__
    assert settings["dt"] == solver.dt
    assert settings["dtype"] == "float64"
    assert set(solver.parameter_fields) < set(settings)
    described = (*solver.out_fields, *solver.parameter_fields)
    assert {"units", "long_name"} <= set.intersection(*(set(solver.attributes[name]) for name in described))
