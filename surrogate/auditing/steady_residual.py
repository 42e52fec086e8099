"""Whether steady fields solve their equation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import xarray as xr

from surrogate.auditing.blocks import chosen_samples, n_samples, sample_of
from surrogate.auditing.finding import Finding, NotApplicable, Severity
from surrogate.auditing.known_equation import Equation
from surrogate.auditing.words import some
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.initial_value import read_parameters
from surrogate.operator import Operator, Stepper
from surrogate.prediction import predict
from surrogate.solvers.darcy import Darcy

# Scaling by a factor 1 + c gives c. Sound data of our solvers have 5e-7 in single precision, half precision gives
# 0.004; another discretization has its error, a few percent on coarse grids: a warning.
WRONG, DOUBTFUL = 0.1, 0.01


def steady_residual(fields: xr.Dataset, equation: Equation) -> Iterator[Finding]:
    r"""Find samples that do not solve the discrete equations of our solver: :math:`|b - A u| / |b|`, see `Darcy`.

    For solvers that state no residual, the difference from their solution, relative to it. Data of another
    discretization have a residual of the size of its error.
    """
    solver = equation.solver
    if isinstance(solver, Stepper):
        raise NotApplicable("the equation is one in time")
    tried = chosen_samples(fields, equation.samples)
    values = []
    for sample in tried:
        one = sample_of(fields, sample)
        values.append(_residual(solver, one) if isinstance(solver, Darcy) else _difference(solver, one))
    values = np.nan_to_num(values, nan=np.inf).tolist()
    largest, total = max(values), n_samples(fields)
    how = "residual of" if isinstance(solver, Darcy) else "difference from the solution of"
    message = (
        f"relative {how} our solver: up to {largest:.2g}, median {np.median(values):.2g} "
        f"({len(tried)} of {total} samples tried)"
    )
    bad = [sample for sample, value in zip(tried, values, strict=True) if value > DOUBTFUL]
    if not bad:
        yield Finding("note", message, field=solver.out_fields[0])
        return
    cure = "Check boundary, source and scaling; data of another discretization have its error as residual."
    severity: Severity = "error" if largest > WRONG else "warning"
    yield Finding(
        severity, f"{message}; above {DOUBTFUL:g} in {some(bad, len(tried))}", cure, solver.out_fields[0], tuple(bad)
    )


def _residual(solver: Darcy, fields: xr.Dataset) -> float:
    p, a = (to_tensor(fields, names, torch.float64) for names in (solver.out_fields, solver.in_fields))
    static = to_tensor(fields, solver.static_fields, torch.float64) if solver.static_fields else None
    return float(solver.residual(p, a, static, read_parameters(solver, fields)))


def _difference(solver: Operator, fields: xr.Dataset) -> float:
    own, squares, sizes = predict(solver, fields), 0.0, 0.0
    for name in solver.out_fields:
        truth, made = (np.float64(part[name].values) for part in (fields, own))
        squares, sizes = squares + np.square(truth - made).sum(), sizes + np.square(made).sum()
    return float(np.sqrt(squares / sizes)) if sizes else float(squares > 0)
