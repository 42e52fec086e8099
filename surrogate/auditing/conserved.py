"""What the equation conserves."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import xarray as xr
from torch import Tensor

from surrogate.auditing.blocks import chosen_frames, chosen_samples, n_samples, sample_of
from surrogate.auditing.finding import Finding, NotApplicable, Severity
from surrogate.auditing.known_equation import Equation
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.solvers.periodic import PeriodicEquation
from surrogate.solvers.semilinear import Semilinear

# Sound data of our solvers drift by up to 2e-7 in single precision and by 6e-5 in half; three decimals give 1e-3, a
# hundredth of the deviation added in each of ten steps 0.3.
WRONG, DOUBTFUL = 1e-2, 1e-4
_GROWTH = 1.01  # as `Semilinear.faults`
_ROUND_OFF = 1e-6  # of the largest field: what is smaller may be round-off of single precision
_FRAMES = 64
_CURE = "Check equation and boundary, and whether points were left out; else the runs failed or do not conserve."


def conserved(fields: xr.Dataset, equation: Equation) -> Iterator[Finding]:
    """Find drift of the invariants of the equation, and growth of what it never lets grow."""
    solver = equation.solver
    if not isinstance(solver, PeriodicEquation) or fields.sizes.get("time", 1) < 2:
        raise NotApplicable("no trajectories of an equation with invariants")
    tried, frames = (
        chosen_samples(fields, equation.samples),
        chosen_frames(fields, None if equation.samples is None else _FRAMES),
    )
    drifts: dict[str, list[float]] = {}
    growths: dict[str, list[float]] = {}
    for sample in tried:
        states = to_tensor(sample_of(fields, sample).isel(time=frames), solver.out_fields, torch.float64)
        for name, drift in _drifts(solver, states[0]).items():
            drifts.setdefault(name, []).append(drift)
        for name, norms in (solver.bounded(states[0]) if isinstance(solver, Semilinear) else {}).items():
            floor = (_ROUND_OFF * norms.max()).clamp_min(torch.finfo(norms.dtype).tiny)
            growths.setdefault(name, []).append(float((norms[1:] / norms[:-1].clamp_min(floor)).max()))
    if not drifts and not growths:
        raise NotApplicable(f"{type(solver).__name__} conserves nothing that is known")
    about = f"({len(tried)} of {n_samples(fields)} samples tried)"
    for name, values in drifts.items():
        bad = [sample for sample, value in zip(tried, values, strict=True) if value > DOUBTFUL]
        severity: Severity = "note" if not bad else "warning" if max(values) <= WRONG else "error"
        message = f"{name} drifts by up to {max(values):.2g} of its size {about}, which the equation conserves"
        yield Finding(severity, message, _CURE if bad else "", samples=tuple(bad))
    for name, values in growths.items():
        bad = [sample for sample, value in zip(tried, values, strict=True) if not value <= _GROWTH]
        if bad:
            message = f"{name} grows by a factor of up to {max(values):.4g} between frames, which the equation forbids"
            yield Finding("error", f"{message} {about}", _CURE, samples=tuple(bad))


def _drifts(solver: PeriodicEquation, states: Tensor) -> dict[str, float]:
    r"""Return :math:`\max_t |q(t) - q(0)| / \max_t q(|u|)` of each invariant q; infinite where it is not finite.

    Unlike `surrogate.evaluation.conservation.drift` it judges runs that start from rest, and fields that stay zero.
    """
    size = states.abs()
    parts = (states, size, size.amax(1, keepdim=True).expand_as(size))
    values, scales, largest = map(solver.invariants, parts)
    found = {}
    for name, value in values.items():
        scale = torch.maximum(scales[name].abs(), _ROUND_OFF * largest[name].abs()).max()
        change = (value - value[0]).abs().max()
        found[name] = float((change / scale).nan_to_num(torch.inf, torch.inf)) if change else 0.0
    return found
