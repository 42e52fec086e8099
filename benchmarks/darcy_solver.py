"""Time of our Darcy solver beside scipy's sparse direct solver, on the same discretization at the same error.

    python benchmarks/darcy_solver.py            # a few minutes on one core
    python benchmarks/darcy_solver.py --quick    # a few seconds, for a smoke test

Two rocks of permeability 12 and 3. The error is that against the solution on four times as many points along each axis
(1024 at most), averaged over the cells. It is that of the discretization, which both solvers share; beside it stands
how far ours is from the direct solution. SciPy (SuperLU) factorizes the matrix of each sample; to assemble it is timed
apart. One thread.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date

import numpy as np
import scipy
import scipy.sparse
import torch
from scipy.sparse.linalg import spsolve
from torch import Tensor

from surrogate.cases import Darcy
from surrogate.datasets.transfer.grid_maps import resampling

BATCH = 8
FINEST = 1024


def assembled(a: np.ndarray) -> scipy.sparse.csc_array:
    """Return the matrix of five-point finite volumes with harmonic means on the unit square."""
    n = len(a)
    number = np.arange(n * n).reshape(n, n)
    diagonal, rows, columns, values = np.zeros((n, n)), [], [], []
    for one, two in ((np.s_[:-1, :], np.s_[1:, :]), (np.s_[:, :-1], np.s_[:, 1:])):
        face = 2 / (1 / a[one] + 1 / a[two])
        diagonal[one] += face
        diagonal[two] += face
        rows += [number[one].ravel(), number[two].ravel()]
        columns += [number[two].ravel(), number[one].ravel()]
        values += [-face.ravel(), -face.ravel()]
    for edge in (np.s_[0, :], np.s_[-1, :], np.s_[:, 0], np.s_[:, -1]):
        diagonal[edge] += 2 * a[edge]
    entries = np.concatenate([*values, diagonal.ravel()])
    where = (np.concatenate([*rows, number.ravel()]), np.concatenate([*columns, number.ravel()]))
    return scipy.sparse.csc_array((entries, where))


def seconds_of(run: Callable[[], object], repeats: int) -> float:
    run()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def difference(p: Tensor, truth: Tensor) -> float:
    """Return the relative L2 difference, averaged over samples."""
    return float(((p - truth).flatten(1).norm(dim=1) / truth.flatten(1).norm(dim=1)).mean())


def measure(n: int, repeats: int) -> None:
    case = Darcy(n)
    finer = min(4 * n, FINEST)
    fine = case.inputs(range(2), seed=0, resolution=finer)
    a = torch.from_numpy(case.inputs(range(BATCH), seed=0)["permeability"].values)[:, None]
    averaged = resampling(case.solver(finer).domain, case.grid, method="conservative", dtype=torch.float64)
    truth = averaged(torch.from_numpy(case.solve(fine)["pressure"].values))
    load = np.full(n * n, 1 / n**2)
    matrices = [assembled(sample[0].numpy()) for sample in a[:2]]
    direct = torch.stack([torch.from_numpy(spsolve(matrix, load).reshape(n, n)) for matrix in matrices])
    scipy_seconds = seconds_of(lambda: spsolve(matrices[0], load), repeats)
    assembly = seconds_of(lambda: assembled(a[0, 0].numpy()), repeats)
    error = difference(direct, truth)
    print(f"| {n} | scipy spsolve | {error:.2e} | | | {1e3 * scipy_seconds:.3g} (+ {1e3 * assembly:.3g}) | |")
    for dtype in (torch.float64, torch.float32):
        solver = case.solver(dtype=dtype)
        p = solver(a)[:2, 0].double()
        iterations = max(solver.iterations(a))
        for batch in (1, BATCH):
            some = a[:batch]
            seconds = seconds_of(lambda s=solver, some=some: s(some), repeats) / batch
            name = f"ours, {str(dtype).removeprefix('torch.')}, batch {batch}"
            print(
                f"| {n} | {name} | {difference(p, truth):.2e} | {difference(p, direct):.1e} | {iterations} "
                f"| {1e3 * seconds:.3g} | {(scipy_seconds + assembly) / seconds:.3g} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one coarse grid, one repeat")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    print(f"{date.today()}, {platform.machine()}, torch {torch.__version__}, scipy {scipy.__version__}, one thread")
    print("| points | solver | relative L2 error | from the direct solution | iterations | ms a sample | time ratio |")
    print("|---|---|---|---|---|---|---|")
    for n in (32,) if quick else (64, 128, 256, 421):
        measure(n, 1 if quick else 5)


if __name__ == "__main__":
    main()
