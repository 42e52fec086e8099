"""The reference: the truth, solved again more finely than any competitor, with an error of its own that is known."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.cases.case import Case
from surrogate.cases.solver_choice import SolverChoice
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.tensors import coordinates, to_fields, to_tensor
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.evaluation.coarse import Coarse, at_points
from surrogate.operator import Operator, Stepper
from surrogate.rollouts import BATCH_BYTES, rollout

FLOOR_SAMPLES = 4
#: Errors below this multiple of the error of the reference are not ranked.
MARGIN = 3.0


@dataclass(frozen=True)
class Reference:
    """What predictions are measured against.

    Attributes
    ----------
    fields
        The truth with its state replaced by the reference, on the same points and times.
    refined
        The first samples solved more finely still, or None: then the error of the reference is unknown.
    settings
        How it was made, or None if the truth itself is the reference.
    """

    fields: xr.Dataset
    refined: xr.Dataset | None
    settings: dict[str, Any] | None


def regenerate(
    case: Case,
    truth: xr.Dataset,
    competitors: Iterable[Operator],
    *,
    shapes: Iterable[tuple[int, ...]] = (),
    device: Any = None,
    progress: bool = True,
) -> Reference:
    """Solve the samples of ``truth`` again, twice as finely in space and time as the solvers among ``competitors``.

    Of recorded runs the ``shapes`` of their grids are known, not their time steps.

    The solution starts from what the grid of the case holds of the initial data, as the data and all competitors do.
    The first samples are solved once more, twice as finely again: the difference is the error of the reference.

    Raises
    ------
    InputError
        ``truth`` does not say its seed and samples, its times are none of the case, or its start is another one.
    """
    if "seed" not in truth.attrs or "sample" not in truth.coords:
        do = "Use what `generate` made, or remove attrs['case'] to take the truth as reference."
        raise expected("a truth with attribute 'seed' and coordinate 'sample'", "one without", do)
    efforts = [_effort(operator, case) for operator in competitors]
    efforts += [SolverChoice(max(shape), 1) for shape in shapes]
    choice = case.reference_settings(*(effort for effort in efforts if effort is not None))
    refined = case.reference_settings(choice)
    fields = solve_again(case, case.solver(*choice), truth, device, progress)
    _check_start(fields, truth, case.solver().out_fields)
    few = solve_again(case, case.solver(*refined), truth.isel(sample=slice(FLOOR_SAMPLES)), device, progress)
    settings = {**case.solver(*choice).settings, "resolution": choice.resolution, "refined": refined._asdict()}
    settings["refined"]["dtype"] = str(refined.dtype).removeprefix("torch.")
    return Reference(fields, few, settings)


def refine(case: SteadyCase, truth: xr.Dataset, *, device: Any = None) -> Reference:
    """Solve the samples of ``truth`` again more finely than the solver that made them, if the case can.

    The first samples are solved still more finely: the difference is the error of the reference. Where the truth does
    not say its seed, or lies on other points than the case, it is itself the reference, with an unknown error.
    """
    if not {"seed", "case"} <= truth.attrs.keys() or "sample" not in truth.coords:
        return Reference(truth, None, None)
    if json.loads(truth.attrs["case"]) != case.settings:
        return Reference(truth, None, None)
    seed, indices = int(truth.attrs["seed"]), truth["sample"].values.tolist()
    fine = case.refined(indices, seed=seed, level=1, device=device)
    if fine is None or any(fine.sizes[dim] != truth.sizes[dim] for dim in fine.dims):
        return Reference(truth, None, None)
    _check_same_solution(fine, truth)
    finest = case.refined(indices[:FLOOR_SAMPLES], seed=seed, level=2, device=device)
    solved = {name: fine[name].variable for name in fine.data_vars}
    settings = {"solver": json.loads(truth.attrs["solver"]), "level": 1, "refined": {"level": 2}}
    return Reference(truth.assign(solved), finest, settings)


def _check_same_solution(fine: xr.Dataset, truth: xr.Dataset) -> None:
    """Refuse a truth that is not of its case: another sample is another solution by far more than a tenth."""
    for name in fine.data_vars:
        ours, theirs = fine[name].values, truth[name].values.astype(np.float64)
        if not np.linalg.norm(ours - theirs) < 0.5 * np.linalg.norm(ours):
            got = f"another {name!r}"
            raise expected("the truth of this case and its seed", got, "Give the case that generated it.")


def _effort(operator: Operator, case: Case) -> SolverChoice | None:
    """Return how finely a solver works, in the terms of the case; None for what is no solver."""
    solver = operator.solver if isinstance(operator, Coarse) else operator
    substeps = getattr(solver, "substeps", None)
    if not isinstance(solver, Stepper) or substeps is None:
        return None
    return SolverChoice(max(solver.domain.shape), math.ceil(substeps * case.dt / solver.dt), solver.dtype)


def solve_again(case: Case, solver: Stepper, truth: xr.Dataset, device: Any, progress: bool) -> xr.Dataset:
    """Return the samples of the case that ``truth`` numbers, at its points and times."""
    grid = Grid.from_fields(truth)
    numbers = _frame_numbers(case, truth)
    every = math.gcd(*numbers[numbers > 0].tolist())
    samples = truth.sizes["sample"]
    bytes_per_sample = 8 * len(solver.out_fields) * math.prod(solver.domain.shape) * (numbers.max() // every + 1)
    size = max(1, min(samples, int(4 * BATCH_BYTES // bytes_per_sample)))
    parts = []
    for first in range(0, samples, size):
        indices = truth["sample"].values[first : first + size].tolist()
        start = resample_periodic(case.initial_state(indices, seed=int(truth.attrs["seed"])), solver.domain.shape)
        frames = _march(solver, start, int(numbers.max()), every, device, progress)
        chosen = torch.cat([start[:, None], frames], dim=1)[:, torch.as_tensor(numbers // every)]
        parts.append(torch.stack([at_points(frame, grid) for frame in chosen.unbind(1)], dim=1))
    return _replaced(truth, solver, torch.cat(parts))


def _march(solver: Stepper, start: Tensor, steps: int, every: int, device: Any, progress: bool) -> Tensor:
    template = xr.Dataset(coords={"sample": np.arange(len(start)), **solver.domain.coordinates()})
    fields = to_fields(start[:, None], solver.in_fields, template, time=np.zeros(1), attributes=solver.attributes)
    return to_tensor(
        rollout(solver, fields, steps=steps, every=every, device=device, progress=progress),
        solver.out_fields,
        torch.float64,
    )


def _frame_numbers(case: Case, truth: xr.Dataset) -> np.ndarray:
    exact = truth["time"].values.astype(np.float64) / case.dt
    numbers = np.round(exact).astype(int)
    if numbers.min() < 0 or numbers.max() < 1 or np.abs(exact - numbers).max() > 1e-3:
        do = "Use times that `generate` stored."
        raise expected(f"times that are multiples of the case's dt {case.dt:.6g}", truth["time"].values.tolist(), do)
    return numbers


def _replaced(truth: xr.Dataset, solver: Stepper, frames: Tensor) -> xr.Dataset:
    time = truth["time"].values
    solved = to_fields(frames, solver.out_fields, truth, time=time, attributes=solver.attributes)
    return truth.assign({name: solved[name] for name in solver.out_fields}).assign_coords(coordinates(truth, time))


def _check_start(fields: xr.Dataset, truth: xr.Dataset, names: tuple[str, ...]) -> None:
    """Refuse a truth that is not what its case and seed say; 1e-5 is far above the round-off of float32."""
    if truth["time"].values[0] != 0:
        return
    ours, theirs = (to_tensor(part.isel(time=slice(1)), names, torch.float64) for part in (fields, truth))
    difference = float((ours - theirs).norm() / theirs.norm())
    if not difference < 1e-5:
        got = f"initial states that differ by {difference:.2g}"
        raise expected("the truth of this case and its seed", got, "Give the case that generated it.")
