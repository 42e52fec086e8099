"""Make truth: solve a case for many samples."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
import xarray as xr

from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase
from surrogate.compute import check_device
from surrogate.datasets.errors import expected
from surrogate.datasets.storage.blocks import fits_in_memory
from surrogate.datasets.storage.store import SUFFIXES
from surrogate.datasets.storage.whole_files import refuse_existing
from surrogate.ensembles.blocks import BlockSolver
from surrogate.ensembles.growth import Growth, report_failed
from surrogate.ensembles.plan import Plan
from surrogate.ensembles.sizes import block_size, sample_bytes
from surrogate.ensembles.sizes import shard_size as fitting_shard
from surrogate.progress import progress_bar


def generate(
    case: Case | SteadyCase,
    samples: int,
    path: str | Path | None = None,
    *,
    seed: int = 0,
    workers: int | None = None,
    scheduler: str | None = None,
    shard_size: int | None = None,
    batch_size: int | None = None,
    dtype: Literal["float32", "float64"] = "float32",
    device: str | torch.device | None = None,
    convergence: bool = True,
    overwrite: bool = False,
    progress: bool = True,
) -> xr.Dataset:
    """Solve ``case`` for ``samples`` random initial states or inputs and return (or write) the fields.

    Sample ``i`` depends on the case, ``seed`` and ``i`` only: to the last bit the same whatever the shards, the number
    of workers and the number of samples, on machines of one kind. Samples that the solver cannot solve are left out
    with a warning, and the coordinate ``sample`` keeps the numbers of the others.

    With a path the samples are made in shards, each a file that is whole or absent. Call it again after it was stopped,
    even killed, and it goes on where it was, to the same bits.

    Parameters
    ----------
    case
        One of `surrogate.cases`.
    samples
        Number of trajectories, or of steady solutions. A directory that has more of them keeps them.
    path
        ``"burgers.h5"`` ends as one file with all samples; until then the shards lie in a hidden directory beside it. A
        path without suffix is a directory of shards: it can be opened at any time, and more samples of the same case
        and seed can be asked for later.
    seed
        Seed of the whole set.
    workers
        Solve in so many processes of this machine, each on one thread; default: in this process, on one thread.
    scheduler
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, whose workers solve; they must see ``path``.
    shard_size
        Samples in a shard; default: about 64 MiB, and at least eight shards for each worker. A directory keeps the one
        that it began with.
    batch_size
        Samples solved together; default: as suits their size and the device. Another one gives other last bits.
    dtype
        Of the stored fields. The solver computes in float64 in any case.
    device
        Where to solve; default: the CPU.
    convergence
        With a path, also solve one sample more finely, and store the difference as attribute ``convergence``. It costs
        about as much as two samples, or else as one frame or steady solution on the finer grid.
    overwrite
        Replace ``path`` if it exists, or samples in it that were made in another way.
    progress
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Fields over ``sample``, ``time`` (the initial state first) and space; of a steady case the input functions and
        the solution, each with the points they are on. With a path they are read from there when they are needed.

    Raises
    ------
    InputError
        No samples asked for, or without a path more than memory holds; an existing path; no such device; a directory
        whose samples were made in another way (another case, seed, dtype, batch, device or version); another process
        that writes to the path.
    NumericalFailure
        The solver broke down for all samples.
    OSError
        The disk has not enough room, or a write failed; shards that are complete are kept.
    ChildProcessError
        Workers died again and again over a shard; the others are kept.

    Warns
    -----
    FailedSamples
        Some samples could not be solved.
    """
    _check_counts(
        {"sample": samples, "worker": workers, "sample in a shard": shard_size, "sample at a time": batch_size}
    )
    if scheduler is None and device is not None:
        check_device(device)
    where = None if device is None else str(device)
    solver = BlockSolver(case, seed, _batch(case, batch_size, where), dtype, where)
    if path is None:
        if workers is not None or scheduler is not None:
            raise expected("a path for what several processes make", "none", "Give one, such as 'burgers.h5'.")
        return _in_memory(Plan(solver, samples, samples), progress)
    path = Path(path)
    _check_path(path, overwrite)
    size = sample_bytes(solver)
    fitting = shard_size or fitting_shard(samples, size, solver.size, workers or 1)
    growth = Growth(Plan(solver, samples, fitting), size, workers, scheduler, convergence, overwrite, progress)
    return growth.into_file(path) if path.suffix else growth.into_directory(path)


def _in_memory(plan: Plan, progress: bool) -> xr.Dataset:
    size = plan.samples * sample_bytes(plan.solver) if isinstance(plan.solver.case, Case) else 0
    if not fits_in_memory(size):
        raise expected("samples that fit in memory", f"{size / 2**30:.1f} GiB", "Give a path, such as 'data.h5'.")
    began = time.perf_counter()
    with progress_bar("generating", plan.samples, show=progress, unit="samples") as advance:
        solved = plan.solver.solve(range(plan.samples), advance)
    report_failed(solved.failed, plan.samples)
    assert solved.fields is not None
    seconds = round(time.perf_counter() - began, 3)
    return plan.described(solved.fields).assign_attrs(failed_samples=len(solved.failed), generation_seconds=seconds)


def _batch(case: Case | SteadyCase, asked: int | None, device: str | None) -> int:
    """Return how many samples are solved together; one where the case solves them one by one."""
    alone = isinstance(case, SteadyCase) and not case.batched
    return asked if asked is not None and not alone else block_size(case, device)


def _check_path(path: Path, overwrite: bool) -> None:
    if path.suffix and path.suffix not in SUFFIXES:
        what = f"a path that ends in {', '.join(SUFFIXES)}, or has no suffix (a directory of shards)"
        raise expected(what, f"{str(path)!r}", "Correct the suffix.")
    refuse_existing(path, overwrite or path.is_dir())
    if path.suffix and path.is_dir():
        raise expected("a file", f"the directory {str(path)!r}", "Choose another path, without the suffix.")
    if not path.suffix and path.is_file():
        raise expected("a directory of shards", f"the file {str(path)!r}", "Choose another path.")


def _check_counts(counts: Mapping[str, int | None]) -> None:
    for name, count in counts.items():
        if count is not None and count < 1:
            raise expected(f"at least one {name}", count, "Ask for more.")
