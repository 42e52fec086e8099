"""Steps of a solver from frames, as exact as a comparison with the next frames needs."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.auditing.sampling import Step
from surrogate.operator import Stepper
from surrogate.solvers.semilinear import Semilinear

_FINER = (4, 16, 64)  # with a scheme of order 4 each has 1/256 of the error of the one before
_SETTLED = 0.1  # of the distance from the data: what is left is theirs


def advanced(solver: Stepper, step: Step, count: int, *, finer: int = 1) -> Tensor:
    """Return the states ``count`` steps later; ``finer`` multiplies the substeps of a semilinear equation."""
    state = step.before.to(solver.dtype)
    with torch.no_grad():
        carry = solver.init(state, step.static, step.parameters)
        for _ in range(count):
            if finer > 1 and isinstance(solver, Semilinear):
                carry, substeps = solver.plan(carry)
                carry = carry._replace(coefficients=carry.divided(finer * substeps))
                for _ in range(finer * substeps):
                    carry = carry._replace(modes=solver.advance(carry))
                state = solver.decode(carry.modes)
            else:
                carry, state = solver.step(carry)
    return state.double()


def converged(solver: Stepper, step: Step, count: int, made: Tensor) -> Tensor:
    """Return ``made`` with more substeps, until it no longer comes nearer to the data.

    Substeps are chosen for stability, and by the constants of the solver where those of a sample may be stiffer.
    """
    if not isinstance(solver, Semilinear):
        return made
    for finer in _FINER:
        last, made = made, advanced(solver, step, count, finer=finer)
        moved, left = ((made - other).flatten(1).norm(dim=1) for other in (last, step.after))
        if bool((moved <= _SETTLED * left).all()):
            break
    return made
