"""Throughput of our periodic solvers beside exponax (JAX, compiled), with the same scheme, steps and initial data.

    pip install surrogate-pde[bench]
    python benchmarks/periodic_solvers.py            # about 3 minutes on one core
    python benchmarks/periodic_solvers.py --quick    # a few seconds, for a smoke test

Both integrate Burgers, Kuramoto-Sivashinsky and Kolmogorov flow with ETDRK4 in float64 on one thread, in turns, so that
what else the machine does touches both. CPU time of the process; compilation is left out. The error is that against
our solution with 8 times as many steps; of exponax it holds another mask of dealiasing, too.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import exponax
import jax
import numpy as np
import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import Burgers, KolmogorovForcing, KuramotoSivashinsky, NavierStokes2D, Semilinear
from surrogate.solvers.initial import GaussianRandomField


class Contest(NamedTuple):
    name: str
    grid: Grid
    batch: int
    dt: float
    steps: int
    amplitude: float
    n_frequencies: int
    ours: Callable[..., Semilinear]  # of grid, dt, substeps
    theirs: Callable[[Grid, float], Any]
    sign: float = 1.0  # of their field over ours


def burgers(n: int, steps: int) -> Contest:
    return Contest(
        f"Burgers, {n} points",
        Grid((n,), periodic=True),
        64,
        1 / 400,
        steps,
        1.0,
        8,
        lambda grid, **step: Burgers(grid, viscosity=0.01, **step),
        lambda grid, dt: exponax.stepper.Burgers(1, 1.0, *grid.shape, dt, diffusivity=0.01, conservative=True, order=4),
    )


def kuramoto_sivashinsky(n: int, steps: int) -> Contest:
    return Contest(
        f"Kuramoto-Sivashinsky, {n} points",
        Grid((n,), extent=(64.0,), periodic=True),
        64,
        0.1,
        steps,
        1.0,
        12,
        KuramotoSivashinsky,
        lambda grid, dt: exponax.stepper.KuramotoSivashinskyConservative(1, 64.0, *grid.shape, dt, order=4),
    )


def kolmogorov(n: int, steps: int) -> Contest:
    length = 2 * math.pi
    return Contest(
        f"Kolmogorov flow, {n}² points",
        Grid((n, n), extent=(length, length), periodic=True),
        4,
        0.002,
        steps,
        10.0,
        8,
        lambda grid, **step: NavierStokes2D(grid, viscosity=1e-3, drag=0.1, forcing=KolmogorovForcing(4), **step),
        lambda grid, dt: exponax.stepper.KolmogorovFlowVorticity(
            2, length, n, dt, diffusivity=1e-3, drag=-0.1, injection_mode=4, injection_scale=-1.0, order=4
        ),
        sign=-1.0,
    )


def initial(contest: Contest) -> Tensor:
    """Return Gaussian random functions, in a plane products of one for each axis, with that standard deviation."""
    field = GaussianRandomField(n_frequencies=contest.n_frequencies)
    axes = [
        field.samples(Grid((n,), periodic=True), seed=axis, indices=range(contest.batch)) / field.standard_deviation()
        for axis, n in enumerate(contest.grid.shape)
    ]
    u = axes[0] if len(axes) == 1 else axes[0][..., None] * axes[1][:, :, None]
    return contest.amplitude * u


def in_turns(runs: list[Callable[[], object]], repeats: int) -> list[float]:
    """Return the median CPU seconds of each of the runs."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats + 1):
        for run, times in zip(runs, seconds, strict=True):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
    return [statistics.median(times[1:]) for times in seconds]


def report(contest: Contest, repeats: int) -> None:
    u, time_span = initial(contest), contest.dt * contest.steps
    solver = contest.ours(contest.grid, dt=time_span, substeps=contest.steps)
    truth = contest.ours(contest.grid, dt=time_span, substeps=8 * contest.steps)(u[:2])
    stepper, steps, start = contest.theirs(contest.grid, contest.dt), contest.steps, contest.sign * u.numpy()
    compiled = jax.jit(
        jax.vmap(lambda state: jax.lax.fori_loop(0, steps, lambda _, now: stepper(now), state)),
    )
    peer = contest.sign * torch.from_numpy(np.array(compiled(start)))[:2]
    seconds = in_turns([lambda: solver(u), lambda: compiled(start).block_until_ready()], repeats)
    for name, result, second in zip(("ours", "exponax"), (solver(u)[:2], peer), seconds, strict=True):
        error = ((result - truth).norm() / truth.norm()).item()
        each = 1e3 * second / steps / contest.batch
        rate, ratio = 1e3 / each, second / seconds[0]
        print(f"| {contest.name} | {contest.batch} | {name} | {error:.1e} | {each:.3g} | {rate:.3g} | {ratio:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="coarse grids, few steps, one repeat")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    jax.config.update("jax_enable_x64", True)
    contests = (
        [burgers(64, 5), kuramoto_sivashinsky(64, 5), kolmogorov(32, 2)]
        if quick
        else [burgers(1024, 100), kuramoto_sivashinsky(256, 200), kolmogorov(256, 20)]
    )
    print(f"{date.today()}, {platform.machine()}, torch {torch.__version__}, exponax {exponax.__version__}")
    print("ETDRK4, float64, one thread; CPU time of a trajectory and step")
    print("| equation | batch | | relative L2 error | ms | trajectories * steps a second | time ratio |")
    print("|---|---|---|---|---|---|---|")
    with torch.inference_mode():
        for contest in contests:
            report(contest, 1 if quick else 15)


if __name__ == "__main__":
    main()
