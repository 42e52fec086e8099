"""surrogate generate."""

from __future__ import annotations

from rich import print as show

import surrogate.cases
from surrogate.cases.burgers import Burgers
from surrogate.cases.case import Case
from surrogate.cases.problem import Problem
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.errors import expected
from surrogate.ensembles.verification import verify_ensemble
from surrogate.generation import generate as solve

_DEFAULT = Burgers()
_KNOWN = [getattr(surrogate.cases, name) for name in dir(surrogate.cases)]  # by name, once they are imported


def generate(
    path: str,
    samples: int = 256,
    case: Problem = _DEFAULT,
    *,
    seed: int = 0,
    workers: int | None = None,
    scheduler: str | None = None,
    shard_size: int | None = None,
    batch_size: int | None = None,
    device: str | None = None,
    convergence: bool = True,
    overwrite: bool = False,
    verify: bool = False,
    verify_samples: int = 0,
) -> None:
    """Solve a case and write its trajectories, or its steady solutions.

    If it is stopped, even killed, the same command goes on where it was and ends with the same bits.

    Example: surrogate generate burgers.h5 --samples 512 --case Burgers --case.viscosity 0.01 --case.dt 0.1
    Example: surrogate generate polygons --samples 20000 --case PoissonPolygons --workers 16
    Example: surrogate generate polygons --verify true --verify_samples 10

    Args:
        path: File to write (.h5), or without suffix a directory of shards, which can be extended.
        samples: Number of trajectories, or of steady solutions.
        case: Which problem; its options follow as --case.NAME.
        seed: Seed of the whole set; sample i depends on case, seed and i only.
        workers: Processes of this machine that solve; default: one, this one.
        scheduler: Address of a Dask scheduler whose workers solve, such as tcp://10.0.0.1:8786.
        shard_size: Samples in a shard; default: chosen by size.
        batch_size: Samples solved together; default: chosen by size.
        device: Where to solve, such as cuda; default: the CPU.
        convergence: Also solve one sample more finely, and store the difference.
        overwrite: Replace the file, or other samples in the directory, if there are any.
        verify: Solve nothing, but compare a directory of shards with its hashes.
        verify_samples: With verify, so many samples are solved again and compared bit by bit.
    """
    if verify:
        _verify(path, verify_samples)
        return
    assert isinstance(case, Case | SteadyCase)
    fields = solve(
        case,
        samples,
        path,
        seed=seed,
        workers=workers,
        scheduler=scheduler,
        shard_size=shard_size,
        batch_size=batch_size,
        device=device,
        convergence=convergence,
        overwrite=overwrite,
    )
    sizes = ", ".join(f"{name} {size}" for name, size in fields.sizes.items())
    show(f"[bold]{path}[/bold]: {sizes}, in {fields.attrs['generation_seconds']} s")


def _verify(path: str, samples: int) -> None:
    damaged = verify_ensemble(path, solve=samples)
    if damaged:
        shown = "; ".join(f"{name}: {what}" for name, what in damaged.items())
        raise expected(f"what was written in {path!r}", shown, "Generate again with the same options to repair it.")
    show(f"[bold]{path}[/bold]: all shards are as they were written")
