"""Whether each frame follows from the one before by the equation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.auditing.blocks import chosen_samples, n_samples, sample_of
from surrogate.auditing.finding import Finding, NotApplicable, Severity
from surrogate.auditing.known_equation import Equation
from surrogate.auditing.sampling import Step, steps_of
from surrogate.auditing.words import plural, some
from surrogate.operator import Stepper
from surrogate.solvers.periodic import PeriodicEquation

# Of the change in a step: a tenth is another equation, other constants or another time step.
WRONG, DOUBTFUL = 0.1, 0.01
_ROUND_OFF = 100  # units in the last place of the state: below them a change cannot be judged
_FRAMES = 4
_LOST = 0.1  # of the residual: then it may be that of the grid


def step_residual(fields: xr.Dataset, equation: Equation) -> Iterator[Finding]:
    r"""Compare frames with a step of our solver from the frame before: :math:`|u_{k+1} - S(u_k)| / |u_{k+1} - u_k|`.

    Some frames of some samples are tried. Frames that their grid does not resolve are not judged: no solver can follow
    them on it.
    """
    solver = equation.solver
    if not isinstance(solver, Stepper):
        raise NotApplicable("the equation is steady")
    if solver.forcing_fields or solver.history > 1 or fields.sizes.get("time", 1) < 2:
        raise NotApplicable("a single frame, or a solver with forcing over time")
    tried = chosen_samples(fields, equation.samples)
    eps = float(np.finfo(fields[solver.out_fields[0]].dtype).eps)
    residuals, resolved = [], []
    for sample in tried:
        step = steps_of(solver, sample_of(fields, sample), None if equation.samples is None else _FRAMES)
        made = _advanced(solver, step, equation.steps)
        residuals.append(_relative(step, made, eps))
        resolved.append(_resolved(solver, step, made) | (residuals[-1] <= DOUBTFUL).all(1))
    every, sharp = torch.stack(residuals), torch.stack(resolved)
    about = f"({every[..., 0].numel()} steps of {len(tried)} of {n_samples(fields)} samples tried)"
    blurred = f"{plural(int((~sharp).sum()), 'frame')} not resolved by their grid and not judged {about}"
    if not sharp.any():
        raise NotApplicable(f"{blurred}. Audit the data before they were thinned")
    if not sharp.all():
        yield Finding("note", blurred, "Store more points, or audit the data before they were thinned.")
    for name, values in zip(solver.out_fields, every.unbind(-1), strict=True):
        yield _judged(name, tried, values.where(sharp, 0.0).amax(1), about + _own_estimate(fields))


def _advanced(solver: Stepper, step: Step, count: int) -> Tensor:
    state = step.before.to(solver.dtype)
    with torch.no_grad():
        carry = solver.init(state, step.static, step.parameters)
        for _ in range(count):
            carry, state = solver.step(carry)
    return state.double()


def _relative(step: Step, made: Tensor, eps: float) -> Tensor:
    """Return the residual ``(frame, channel)``; infinite where the solver broke down."""
    residual, change, size = (
        part.flatten(2).norm(dim=-1) for part in (step.after - made, step.after - step.before, step.before)
    )
    scale = (change + _ROUND_OFF * eps * size).clamp_min(torch.finfo(torch.float64).tiny)
    relative: Tensor = (residual / scale).nan_to_num(torch.inf, torch.inf)
    return relative


def _resolved(solver: Stepper, step: Step, made: Tensor) -> Tensor:
    """Return for each frame whether the modes that the solver keeps hold it, and its spectrum decays among these."""
    if not isinstance(solver, PeriodicEquation):
        return torch.ones(len(made), dtype=torch.bool)
    state = step.before.to(solver.dtype)
    blurred = [mask for words, mask in solver.faults(state, state).items() if "not resolved" in words]
    kept = solver.decode(solver.init(state, step.static, step.parameters).modes)
    lost = (state - kept).flatten(1).norm(dim=-1) > _LOST * (step.after - made).flatten(1).norm(dim=-1)
    resolved: Tensor = ~(torch.cat(blurred, dim=1).any(dim=1) | lost)
    return resolved


def _own_estimate(fields: xr.Dataset) -> str:
    stated = fields.attrs.get("convergence_estimate")
    return "" if stated is None else f"; the file states an error of {stated}"


def _judged(name: str, tried: list[int], worst: Tensor, about: str) -> Finding:
    largest = float(worst.max())
    bad = [sample for sample, value in zip(tried, worst.tolist(), strict=True) if value > DOUBTFUL]
    message = f"frames are off a step of our solver by up to {largest:.2g} of the change in a step {about}"
    if not bad:
        return Finding("note", message, field=name)
    cure = "Check equation, constants, boundary, extent and times: these data teach another equation."
    severity: Severity = "error" if largest > WRONG else "warning"
    return Finding(severity, f"{message}; above {DOUBTFUL:g} in {some(bad, len(tried))}", cure, name, tuple(bad))
