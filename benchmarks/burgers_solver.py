"""Throughput of our Burgers solver beside scipy's integrators, on the same discretization in space at the same error.

    python benchmarks/burgers_solver.py            # under 2 minutes on one core
    python benchmarks/burgers_solver.py --quick    # a few seconds, for a smoke test

Every method starts from the same Gaussian random fields on the same grid with the same 2/3 rule, so that the error
against a run with 16 times as many steps is that of the time integration. Each of scipy's methods gets the tolerance (a
power of 10) with which it reaches our error fastest. One thread; ours advances 64 trajectories at once, and scipy one
after the other, as `solve_ivp` does.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import Literal, NamedTuple, get_args

import numpy as np
import scipy
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import Burgers
from surrogate.solvers.initial import GaussianRandomField
from surrogate.solvers.spectral import n_retained

HORIZON = 0.5
VISCOSITY = 0.005
BATCH = 64
Method = Literal["BDF", "LSODA", "RK45", "DOP853"]


class Result(NamedTuple):
    method: str
    setting: str
    error: float
    seconds: float  # for each trajectory


def relative_error(u: Tensor, truth: Tensor) -> float:
    """Return the relative L2 error, averaged over samples."""
    difference = (u.double() - truth).flatten(1).norm(dim=1)
    return float((difference / truth.flatten(1).norm(dim=1)).mean())


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def ours(u: Tensor, truth: Tensor, grid: Grid, steps: int, dtype: torch.dtype, repeats: int) -> Result:
    """Measure the time for the whole batch, the error on the samples of ``truth``."""
    solver = Burgers(grid, viscosity=VISCOSITY, dt=HORIZON, substeps=steps, dtype=dtype)
    u = u.to(dtype)
    error = relative_error(solver(u)[: len(truth)], truth)
    seconds = median_seconds(lambda: solver(u), repeats) / len(u)
    return Result("ETDRK4", f"{str(dtype).removeprefix('torch.')}, batch {len(u)}", error, seconds)


def right_hand_side(n: int) -> Callable[[float, np.ndarray], np.ndarray]:
    """Return the same semi-discretization, written out in numpy."""
    kept = n_retained(n)
    k = 2 * np.pi * np.arange(kept)

    def derivative(_: float, u: np.ndarray) -> np.ndarray:
        modes, square = np.fft.rfft(u)[:kept], np.fft.rfft(u * u)[:kept]
        return np.fft.irfft(-0.5j * k * square - VISCOSITY * k**2 * modes, n)

    return derivative


def scipy_with(method: Method, tolerance: float, u: Tensor, truth: Tensor) -> Result:
    rhs = right_hand_side(u.shape[-1])
    solutions, seconds = [], []
    for start in u[:, 0].numpy():
        began = time.perf_counter()
        solution = solve_ivp(rhs, (0, HORIZON), start, method, rtol=tolerance, atol=0.01 * tolerance)
        seconds.append(time.perf_counter() - began)
        solutions.append(solution.y[:, -1] if solution.success else np.full_like(start, np.nan))
    error = relative_error(torch.from_numpy(np.stack(solutions))[:, None], truth)
    return Result(f"scipy {method}", f"rtol={tolerance:.0e}", error, statistics.median(seconds))


def scipy_at_error(method: Method, target: float, u: Tensor, truth: Tensor) -> Result:
    """Return the fastest of the first three tolerances that reach ``target``; a tighter one may be faster."""
    reached: list[Result] = []
    for exponent in range(3, 13):
        result = scipy_with(method, 10.0**-exponent, u, truth)
        if result.error <= target:
            reached.append(result)
        if len(reached) == 3:
            break
    return min(reached, key=lambda result: result.seconds)


def report(baseline: Result, others: list[Result], steps: int) -> None:
    for row in (baseline, *others):
        rate, ratio = steps / row.seconds, row.seconds / baseline.seconds
        print(
            f"| {row.method} | {row.setting} | {row.error:.1e} | {1e3 * row.seconds:.3g} | {rate:.3g} | {ratio:.3g} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a coarse grid, one trajectory for scipy, one repeat")
    quick = parser.parse_args().quick
    n, steps, samples, repeats = (64, 50, 1, 1) if quick else (512, 200, 2, 10)
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    np.seterr(over="ignore", invalid="ignore")  # tolerances too loose to be stable are tried on the way
    grid = Grid((n,), periodic=True)
    initial = GaussianRandomField(n_frequencies=n // 3)
    u = initial.samples(grid, seed=0, indices=range(BATCH))
    truth = Burgers(grid, viscosity=VISCOSITY, dt=HORIZON, substeps=16 * steps)(u[:samples])
    print(f"Burgers, n={n}, viscosity={VISCOSITY}, time {HORIZON} in {steps} steps of ETDRK4, one thread")
    print(f"{date.today()}, {platform.machine()}, torch {torch.__version__}, scipy {scipy.__version__}")
    print("| method | setting | relative L2 error | ms a trajectory | trajectories * steps a second | time ratio |")
    print("|---|---|---|---|---|---|")
    for dtype in (torch.float64, torch.float32):
        baseline = ours(u, truth, grid, steps, dtype, repeats)
        others = [scipy_at_error(method, baseline.error, u[:samples], truth) for method in get_args(Method)]
        report(baseline, [ours(u[:1], truth[:1], grid, steps, dtype, repeats), *others], steps)


if __name__ == "__main__":
    main()
