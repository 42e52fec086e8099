"""Substeps chosen for each frame: a spin-up that no fixed number of its size survives, cached and differentiable."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import Burgers, KdV, KolmogorovForcing, NavierStokes2D, Semilinear

LENGTH = 2 * math.pi
PLANE = Grid((48, 48), extent=(LENGTH, LENGTH), periodic=True)


def flow(**step: Any) -> NavierStokes2D:
    return NavierStokes2D(PLANE, viscosity=0.05, forcing=KolmogorovForcing(2, 2.0), dt=1.0, **step)


def nearly_at_rest() -> Tensor:
    x, y = (LENGTH * PLANE.unit_coordinates(dtype=torch.float64)).unbind(-1)
    return (0.05 * torch.cos(x + 0.3) * torch.cos(y) + 0.03 * torch.sin(2 * x - y))[None, None]


def run(solver: Semilinear, w: Tensor, frames: int) -> tuple[Tensor, list[int], bool]:
    """Return the last state, the substeps of each frame, and whether anything was at fault."""
    carry, state, counts, faults = solver.init(w), w, [], False
    for _ in range(frames):
        counts.append(solver.plan(carry)[1])
        carry, state = solver.step(carry)
        faults |= any(bool(mask.any()) for mask in solver.faults(w, state).values())
    return state, counts, faults


def test_a_spin_up_that_fails_with_fixed_substeps_passes() -> None:
    """At rest one step is enough; the flow that the forcing builds up needs a hundred."""
    w = nearly_at_rest()
    assert flow().dt_max(w) > 100
    for substeps in (1, 8, 16):
        assert run(flow(substeps=substeps), w, 6)[2]
    state, counts, faults = run(flow(substeps="adaptive"), w, 6)
    assert not faults
    assert counts[0] == 1
    assert counts == sorted(counts)
    assert counts[-1] >= 64
    truth, _, _ = run(flow(substeps=256), w, 6)
    assert (
        (state - truth).norm() / truth.norm()
    ).item() < 0.02  # stable, not accurate: the first step is a whole frame


def test_a_frame_is_that_of_a_fixed_number_of_substeps() -> None:
    line = Grid((64,), periodic=True)
    u = (3 * torch.sin(2 * math.pi * torch.as_tensor(line.axes[0])))[None, None]
    solver = Burgers(line, viscosity=0.05, dt=0.1, substeps="adaptive")
    carry = solver.init(u)
    planned, substeps = solver.plan(carry)
    assert substeps > 1
    assert solver.dt / substeps <= 0.5 * solver.dt_max(u) < solver.dt
    assert torch.equal(solver.step(carry)[1], Burgers(line, viscosity=0.05, dt=0.1, substeps=substeps)(u))
    again, _ = solver.plan(planned)
    assert all(one is other for one, other in zip(again.coefficients, planned.coefficients, strict=True))
    assert solver.settings["substeps"] == "adaptive"
    assert "with substeps=adaptive" in solver.advice(u)


def test_gradients_flow_and_parameters_differ_by_sample() -> None:
    line = Grid((16,), extent=(4.0,), periodic=True)
    u = torch.sin(math.pi / 2 * torch.as_tensor(line.axes[0])).repeat(2, 1, 1).requires_grad_()
    parameters = torch.tensor([[6.0, 1.0], [3.0, 0.5]], dtype=torch.float64)
    solver = KdV(line, dt=0.3, substeps="adaptive")
    assert torch.autograd.gradcheck(lambda u: solver(u, parameters=parameters), u)
    alone = KdV(line, convection=3.0, dispersion=0.5, dt=0.3, substeps=solver.plan(solver.init(u))[1])
    assert solver(u, parameters=parameters)[1:].detach().numpy() == pytest.approx(
        alone(u[1:]).detach().numpy(), abs=1e-14
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300])
def test_a_state_that_has_blown_up_takes_a_bounded_number_of_steps(value: float) -> None:
    line = Grid((8,), periodic=True)
    solver = Burgers(line, viscosity=0.05, dt=0.1, substeps="adaptive")
    u = torch.zeros(1, 1, 8, dtype=torch.float64)
    u[..., 3] = value
    assert 1 <= solver.plan(solver.init(u))[1] <= 2**14
