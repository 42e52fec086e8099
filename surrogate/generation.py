"""Make truth: solve a case for many samples."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import xarray as xr

import surrogate
from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import CONVENTIONS
from surrogate.datasets.saving import save_dataset
from surrogate.datasets.store import check_suffix, refuse_existing
from surrogate.datasets.tensors import to_fields
from surrogate.progress import progress_bar
from surrogate.rollouts import rollout


def generate(
    case: Case | SteadyCase,
    samples: int,
    path: str | Path | None = None,
    *,
    seed: int = 0,
    batch_size: int | None = None,
    dtype: Literal["float32", "float64"] = "float32",
    device: str | torch.device | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> xr.Dataset:
    """Solve ``case`` for ``samples`` random initial states or inputs and return (or write) the fields.

    Sample ``i`` depends on the case, ``seed`` and ``i`` only: the same whatever the batch, and the first samples of a
    larger set are those of a smaller one.

    Parameters
    ----------
    case
        One of `surrogate.cases`.
    samples
        Number of trajectories, or of steady solutions.
    path
        Write them to this file (.h5), whole or not at all.
    seed
        Seed of the whole set.
    batch_size
        Samples solved together; default: chosen by size.
    dtype
        Of the stored fields. The solver computes in float64 in any case.
    device
        Where to solve; default: the CPU.
    overwrite
        Replace ``path`` if it exists.
    progress
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Fields over ``sample``, ``time`` (the initial state first) and space; of a steady case the input functions and
        the solution, each with the points they are on.

    Raises
    ------
    InputError
        No samples asked for, an existing path, no such device.
    NumericalFailure
        The solver broke down; names the sample, and the step if there is time.
    """
    if samples < 1:
        raise expected("at least one sample", samples, "Ask for more.")
    if path is not None:
        check_suffix(path)
        refuse_existing(path, overwrite)
    began = time.perf_counter()
    if isinstance(case, SteadyCase):
        fields = _steady(case, samples, seed, batch_size, device, progress)
    else:
        fields = _trajectories(case, samples, seed, batch_size, device, progress)
    fields = fields.astype(dtype)
    for name, value in case.parameters.items():
        fields[name] = ((), value, {"units": "1", "long_name": name})
    fields.attrs |= {
        "Conventions": CONVENTIONS,
        "equation": case.equation,
        "case": json.dumps(case.settings, sort_keys=True),
        "seed": seed,
        "solver": json.dumps(dict(case.solver().settings), sort_keys=True),
        "surrogate_version": surrogate.__version__,
        "generation_seconds": round(time.perf_counter() - began, 3),
    }
    if path is not None:
        save_dataset(fields, path, overwrite=overwrite)
    return fields


def _trajectories(
    case: Case, samples: int, seed: int, batch_size: int | None, device: str | torch.device | None, progress: bool
) -> xr.Dataset:
    solver = case.solver()
    indices = np.arange(samples)
    start = to_fields(
        case.initial_state(range(samples), seed=seed).unsqueeze(1),
        solver.out_fields,
        xr.Dataset(coords={"sample": indices, **case.grid.coordinates()}),
        time=np.zeros(1),
        attributes=solver.attributes,
    )
    frames = rollout(solver, start, steps=case.steps, batch_size=batch_size, device=device, progress=progress)
    return xr.concat([start, frames], dim="time")


def _steady(
    case: SteadyCase, samples: int, seed: int, batch_size: int | None, device: str | torch.device | None, progress: bool
) -> xr.Dataset:
    with progress_bar("generating", samples, show=progress) as advance:

        def indices() -> Iterator[int]:
            for index in range(samples):
                yield index
                advance()

        inputs = case.inputs(indices(), seed=seed)
    return case.solve(inputs, batch_size=batch_size, device=device)
