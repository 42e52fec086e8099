"""How far the samples are from converged: one of them, solved again more finely."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.tensors import to_fields
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.ensembles.blocks import SOLVER_ERRORS, BlockSolver, one_thread
from surrogate.operator import Stepper
from surrogate.rollouts import rollout


def estimate_convergence(solver: BlockSolver) -> dict[str, Any]:
    """Solve sample 0 at least twice as finely in space and time; return the relative L2 difference (JSON).

    The finer solution of a trajectory takes only so many of its first frames as cost about as much as the trajectory
    itself, at least one: ``until`` tells their time. A case without a finer solution, or a sample that cannot be
    solved, has no ``relative_difference`` but a ``reason``.
    """
    estimate = _of_trajectory if isinstance(solver.case, Case) else _of_solution
    try:
        with one_thread():
            return {"sample": 0, **estimate(solver)}
    except SOLVER_ERRORS as error:
        return {"sample": 0, "reason": " ".join(str(error).split())}


def _of_trajectory(solver: BlockSolver) -> dict[str, Any]:
    case = solver.case
    assert isinstance(case, Case)
    choice = case.reference_settings()
    coarse, fine = case.solver(), case.solver(*choice)
    effort = math.prod(fine.domain.shape) / math.prod(coarse.domain.shape) * _substeps(fine) / _substeps(coarse)
    steps = max(1, int(case.steps / effort))
    start = case.initial_state([0], seed=solver.seed)
    frames = []
    for stepper in (coarse, fine):
        state = resample_periodic(start, stepper.domain.shape)
        template = xr.Dataset(coords={"sample": np.zeros(1, dtype=int), **stepper.domain.coordinates()})
        fields = to_fields(
            state[:, None], stepper.out_fields, template, time=np.zeros(1), attributes=stepper.attributes
        )
        frames.append(rollout(stepper, fields, steps=steps, device=solver.device, progress=False))
    data, reference = frames[0], _picked(frames[1], coarse.domain)
    return {
        "relative_difference": _difference(data, reference),
        "until": steps * case.dt,
        "resolution": choice.resolution,
        "substeps": choice.substeps,
    }


def _of_solution(solver: BlockSolver) -> dict[str, Any]:
    case = solver.case
    assert isinstance(case, SteadyCase)
    finer = case.refined([0], seed=solver.seed, level=1, device=solver.device)
    if finer is None:
        return {"reason": f"{type(case).__name__} has no finer solution"}
    data = case.solve(case.inputs([0], seed=solver.seed), device=solver.device)
    return {"relative_difference": _difference(data[list(finer.data_vars)], finer), "level": 1}


def _picked(fields: xr.Dataset, grid: Grid) -> xr.Dataset:
    """Return fields at the points of a periodic grid, which are among theirs."""
    every = {name: slice(None, None, fields.sizes[name] // n) for name, n in zip(grid.names, grid.shape, strict=True)}
    return fields.isel(every)


def _difference(data: xr.Dataset, reference: xr.Dataset) -> float:
    """Return the largest relative L2 difference of a field."""
    ratios = []
    for name in reference.data_vars:
        own, other = data[name].values, reference[name].values
        ratios.append(float(np.linalg.norm(own - other) / np.linalg.norm(other)))
    return max(ratios)


def _substeps(stepper: Stepper) -> int:
    return int(stepper.settings.get("substeps", 1))
