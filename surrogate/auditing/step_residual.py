"""Whether each frame follows from the one before by the equation."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.auditing.blocks import chosen_samples, n_samples, sample_of
from surrogate.auditing.finding import Finding, NotApplicable, Severity
from surrogate.auditing.known_equation import Equation
from surrogate.auditing.sampling import Step, steps_of
from surrogate.auditing.solver_steps import advanced, converged
from surrogate.auditing.words import plural, some
from surrogate.operator import Stepper
from surrogate.solvers.periodic import PeriodicEquation

# Of the change in a step: an error of a tenth in a constant is one of up to a tenth there. Sound data of all our
# solvers, stored in single precision, have up to 1e-4, half precision 0.006.
WRONG, DOUBTFUL = 0.1, 0.01
_ROUND_OFF = 100  # units in the last place of the state: a change as small as these is known to a hundredth at best
_FRAMES = 4
_LOST = 0.1  # of the residual: what the solver drops of a frame would explain it if it grew tenfold in a step


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
    of_change, of_state, sharp = (
        torch.stack(parts)
        for parts in zip(
            *(_residuals(solver, equation, sample_of(fields, sample), eps) for sample in tried), strict=True
        )
    )
    about = f"of {len(tried)} of {n_samples(fields)} samples tried)"
    if not sharp.all():
        blurred = _blurred(int((~sharp).sum()), f"({sharp.numel()} {about}", own=equation.own)
        if not sharp.any() and not equation.own:
            raise NotApplicable(f"{blurred.message}. Audit the data before they were thinned")
        yield blurred
        if not sharp.any():
            return
    stated = _stated_error(fields)
    for channel, name in enumerate(solver.out_fields):
        change, state = (values[..., channel].where(sharp, 0.0).amax(1) for values in (of_change, of_state))
        yield _judged(name, tried, change, float(state.max()), f"({int(sharp.sum())} steps {about}", stated)


def _blurred(count: int, about: str, *, own: bool) -> Finding:
    message = f"{plural(count, 'frame')} not resolved by their grid and not judged {about}"
    if own:
        cure = "Look at them (surrogate inspect --plot): has noise been added, or have values been changed?"
        return Finding("warning", f"{message}, though the solver that the data name refuses such", cure)
    return Finding("note", message, "Store more points, or audit the data before they were thinned.")


def _residuals(solver: Stepper, equation: Equation, fields: xr.Dataset, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return the residuals of one sample ``(frame, channel)``, of the change and of the state, and which to judge."""
    parts = []
    for step in steps_of(solver, fields, None if equation.samples is None else _FRAMES):
        made = advanced(solver, step, equation.steps)
        of_change, of_state = _relative(step, made, eps)
        if (of_change > DOUBTFUL).any():
            made = converged(solver, step, equation.steps, made)
            of_change, of_state = _relative(step, made, eps)
        parts.append((of_change, of_state, _resolved(solver, step, made) | (of_change <= DOUBTFUL).all(1)))
    of_change, of_state, sharp = (torch.cat(part) for part in zip(*parts, strict=True))
    return of_change, of_state, sharp


def _relative(step: Step, made: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Return the distance ``(frame, channel)`` of the data from ``made``, relative to their change and their size."""
    residual, change, size = (
        part.flatten(2).norm(dim=-1) for part in (step.after - made, step.after - step.before, step.before)
    )
    tiny = torch.finfo(torch.float64).tiny
    of_change, of_state = (
        (residual / scale.clamp_min(tiny)).nan_to_num(torch.inf, torch.inf)
        for scale in (change + _ROUND_OFF * eps * size, size)
    )
    return of_change, of_state


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


def _stated_error(fields: xr.Dataset) -> float | None:
    """Return the relative error that `generate` has measured and stored, if it has."""
    try:
        stated = json.loads(fields.attrs.get("convergence", "{}"))
    except (TypeError, ValueError):
        return None
    value = stated.get("relative_difference") if isinstance(stated, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _judged(name: str, tried: list[int], worst: Tensor, of_state: float, about: str, stated: float | None) -> Finding:
    """Return what the residuals ``worst`` of each sample mean, relative to the change in a step."""
    largest = float(worst.max())
    bad = [sample for sample, value in zip(tried, worst.tolist(), strict=True) if value > DOUBTFUL]
    message = f"frames are off a step of our solver by up to {largest:.2g} of the change in a step"
    message += f", {of_state:.2g} of the state" + (
        "" if stated is None else f" (error that the file states: {stated:.2g})"
    )
    if not bad:
        return Finding("note", f"{message} {about}", field=name)
    cure = "Check equation, constants, boundary, extent and times: these data teach another equation."
    severity: Severity = "error" if largest > WRONG else "warning"
    return Finding(
        severity, f"{message} {about}; above {DOUBTFUL:g} in {some(bad, len(tried))}", cure, name, tuple(bad)
    )
