"""Make truth: solve a case for many samples."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import xarray as xr

import surrogate
from surrogate.cases.case import Case
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import CONVENTIONS
from surrogate.datasets.store import check_suffix, refuse_existing, save_dataset
from surrogate.datasets.tensors import to_fields
from surrogate.rollouts import rollout


def generate(
    case: Case,
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
    """Solve ``case`` from ``samples`` random initial states and return (or write) the trajectories.

    Sample ``i`` depends on the case, ``seed`` and ``i`` only: the same whatever the batch, and the first samples of a
    larger set are those of a smaller one.

    Parameters
    ----------
    case
        One of `surrogate.cases`.
    samples
        Number of trajectories.
    path
        Write them to this file (.h5), whole or not at all.
    seed
        Seed of the whole set.
    batch_size
        Trajectories solved together; default: chosen by size.
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
        Fields over ``sample``, ``time`` (the initial state first) and space.

    Raises
    ------
    InputError
        No samples asked for, an existing path, no such device.
    NumericalFailure
        The solver broke down; names step and sample.
    """
    if samples < 1:
        raise expected("at least one sample", samples, "Ask for more.")
    if path is not None:
        check_suffix(path)
        refuse_existing(path, overwrite)
    began = time.perf_counter()
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
    fields = xr.concat([start, frames], dim="time").astype(dtype)
    for name, value in case.parameters.items():
        fields[name] = ((), value, {"units": "1", "long_name": name})
    fields.attrs = {
        "Conventions": CONVENTIONS,
        "equation": case.equation,
        "case": json.dumps(case.settings, sort_keys=True),
        "seed": seed,
        "solver": json.dumps(dict(solver.settings), sort_keys=True),
        "surrogate_version": surrogate.__version__,
        "generation_seconds": round(time.perf_counter() - began, 3),
    }
    if path is not None:
        save_dataset(fields, path, overwrite=overwrite)
    return fields
