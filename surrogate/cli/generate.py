"""surrogate generate."""

from __future__ import annotations

from rich import print as show

import surrogate.cases
from surrogate.cases.burgers import Burgers
from surrogate.cases.case import Case
from surrogate.cases.problem import Problem
from surrogate.cases.steady_case import SteadyCase
from surrogate.generation import generate as solve

_DEFAULT = Burgers()
_KNOWN = [getattr(surrogate.cases, name) for name in dir(surrogate.cases)]  # by name, once they are imported


def generate(
    path: str,
    samples: int = 256,
    case: Problem = _DEFAULT,
    *,
    seed: int = 0,
    batch_size: int | None = None,
    device: str | None = None,
    overwrite: bool = False,
) -> None:
    """Solve a case and write its trajectories, or its steady solutions.

    Example: surrogate generate burgers.h5 --samples 512 --case Burgers --case.viscosity 0.01 --case.dt 0.1
    Example: surrogate generate polygons.h5 --samples 200 --case PoissonPolygons --case.nodes '[300, 3000]'

    Args:
        path: File to write (.h5).
        samples: Number of trajectories, or of steady solutions.
        case: Which problem; its options follow as --case.NAME.
        seed: Seed of the whole set; sample i depends on case, seed and i only.
        batch_size: Trajectories solved together; default: chosen by size.
        device: Where to solve, such as cuda; default: the CPU.
        overwrite: Replace the file if it exists.
    """
    assert isinstance(case, Case | SteadyCase)
    fields = solve(case, samples, path, seed=seed, batch_size=batch_size, device=device, overwrite=overwrite)
    sizes = ", ".join(f"{name} {size}" for name, size in fields.sizes.items())
    show(f"[bold]{path}[/bold]: {sizes}, in {fields.attrs['generation_seconds']} s")
