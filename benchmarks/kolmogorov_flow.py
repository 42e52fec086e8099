"""Kolmogorov flow on 256² points beside the spectral solver of jax-cfd: what an error of the time step costs.

    pip install surrogate-pde[bench]
    python benchmarks/kolmogorov_flow.py             # some minutes on one core

Viscosity 1e-3, drag 0.1, forcing at wavenumber 4, four trajectories, float64, one thread; CPU time of the process
without compilation. Theirs is Crank-Nicolson with four stages of Runge-Kutta; ours is ETDRK4. The error is that against
the same solver with shorter steps: the masks of dealiasing differ.
"""

from __future__ import annotations

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"

import math
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import KolmogorovForcing, NavierStokes2D
from surrogate.solvers.initial import GaussianRandomField

N, SPAN, LENGTH = 256, 0.1, 2 * math.pi
Run = Callable[[int], np.ndarray]


def ours(start: torch.Tensor) -> Run:
    grid = Grid((N, N), extent=(LENGTH, LENGTH), periodic=True)

    def run(steps: int) -> np.ndarray:
        options = {"viscosity": 1e-3, "drag": 0.1, "forcing": KolmogorovForcing(4), "dt": SPAN, "substeps": steps}
        return NavierStokes2D(grid, **options)(start).numpy()

    return run


def theirs(start: torch.Tensor) -> Run:
    jax.tree_map = jax.tree_util.tree_map  # jax-cfd 0.2.1 asks for the old name when it is imported
    from jax_cfd.base import grids
    from jax_cfd.spectral import equations, time_stepping

    grid = grids.Grid((N, N), domain=((0, LENGTH), (0, LENGTH)))
    equation = equations.ForcedNavierStokes2D(1e-3, grid, smooth=True)
    modes = jnp.fft.rfftn(jnp.asarray(start[:, 0].numpy()), axes=(1, 2))
    compiled: dict[int, Callable[[jax.Array], jax.Array]] = {}

    def run(steps: int) -> np.ndarray:
        if steps not in compiled:
            step = time_stepping.crank_nicolson_rk4(equation, SPAN / steps)
            many = jax.vmap(lambda now: jax.lax.fori_loop(0, steps, lambda _, value: step(value), now))
            compiled[steps] = jax.jit(many)
        return np.asarray(jnp.fft.irfftn(compiled[steps](modes), axes=(1, 2)))[:, None]

    return run


def main() -> None:
    torch.set_num_threads(1)
    field = GaussianRandomField.kolmogorov(n_frequencies=64)
    start = 4 * field.samples(Grid((N, N), extent=(LENGTH, LENGTH), periodic=True), seed=0, indices=range(4))
    runs = {"ours": (ours(start), (13, 25, 50)), "jax-cfd": (theirs(start), (25, 50, 100))}
    print("| solver | steps | relative error | ms for a trajectory and step | ms for a trajectory |")
    for name, (run, counts) in runs.items():
        truth = run(8 * counts[-1])
        for steps in counts:
            found, best = run(steps), math.inf
            for _ in range(3):
                began = time.process_time()
                run(steps)
                best = min(best, time.process_time() - began)
            error = np.linalg.norm(found - truth) / np.linalg.norm(truth)
            each = 1e3 * best / len(start)
            print(f"| {name} | {steps} | {error:.1e} | {each / steps:.2f} | {each:.0f} |", flush=True)
    difference = runs["jax-cfd"][0](100) - runs["ours"][0](50)
    print(f"distance between them (masks, schemes): {np.linalg.norm(difference) / np.linalg.norm(truth):.1e}")


if __name__ == "__main__":
    main()
