"""Seconds to bring one more sample to other points, beside scipy's LinearNDInterpolator on the same triangulation.

    python benchmarks/interpolation.py            # under a minute on one core
    python benchmarks/interpolation.py --quick    # a few seconds, for a smoke test

Scipy triangulates once, too, and is given the values of each sample (which it takes at no cost); what it repeats is to
find the points (of a grid, so that its walk from one to the next is short). Ours finds them once and then multiplies by a sparse matrix. One thread, float64.
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
import torch
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay

from surrogate.datasets import Mesh
from surrogate.datasets.interpolation import interpolation


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(points: int, queries: int, dim: int, repeats: int) -> None:
    rng = np.random.default_rng(0)
    box = np.stack(np.meshgrid(*[[0.0, 1.0]] * dim), axis=-1).reshape(-1, dim)
    triangulation = Delaunay(np.concatenate([box, rng.random((points - len(box), dim))]))
    kind = {2: "triangle", 3: "tetrahedron"}[dim]
    mesh = Mesh(triangulation.points, {kind: triangulation.simplices}, orient=True)
    side = round(queries ** (1 / dim))
    axes = [(np.arange(side) + 0.5) / side] * dim
    targets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)
    values = rng.standard_normal((repeats, mesh.n_points))
    began = time.perf_counter()
    linear = interpolation(mesh, targets, outside="nearest", dtype=torch.float64)
    first = time.perf_counter() - began
    samples, theirs = iter(torch.from_numpy(values)), iter(values)
    ours = median_seconds(lambda: linear(next(samples)), repeats)
    scipys = median_seconds(lambda: LinearNDInterpolator(triangulation, next(theirs))(targets), repeats)
    there = LinearNDInterpolator(triangulation, values[0])(targets)
    difference = np.nanmax(np.abs(linear(torch.from_numpy(values[0])).numpy() - there))
    times = f"{1e3 * first:11.0f} | {1e3 * ours:9.3f} | {1e3 * scipys:10.2f} | {scipys / ours:5.0f}"
    print(f"{dim}-D, {points:>6} points, {len(targets):>7} targets | {times} | {difference:.0e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    versions = f"torch {torch.__version__}, scipy {scipy.__version__}"
    print(f"{date.today()}, {platform.processor() or platform.machine()}, {versions}")
    print(f"{'':36} | set-up [ms] | ours [ms] | scipy [ms] | ratio | difference")
    for points, queries in [(1_000, 4_096)] if quick else [(1_000, 4_096), (10_000, 65_536), (50_000, 262_144)]:
        for dim in (2, 3):
            measure(points, queries, dim, repeats=3 if quick else 9)


if __name__ == "__main__":
    main()
