"""Seconds to bring one more sample to other points, beside scipy's LinearNDInterpolator on the same triangulation.

    python benchmarks/interpolation.py            # under a minute on one core
    python benchmarks/interpolation.py --quick    # a few seconds, for a smoke test

Ours finds the target points once for each geometry and then multiplies by a sparse matrix. Scipy's interpolator is made
anew for the values of each sample, as it holds them: from the points, which is how it is used, and from a triangulation
that is kept, for which it has to find the targets only. Targets on a grid are near to the one before, which makes its
search short; those of another mesh come in any order. One thread, float64.

What bounds a single sample is to read the values at the nodes of the cell of each target: "gather" is that reading
alone. Sixteen samples in one call share the search for it.
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
from surrogate.datasets.transfer.interpolation_maps import interpolation

BATCH = 16


def median_seconds(run: Callable[[np.ndarray], object], samples: np.ndarray) -> float:
    times = []
    run(samples[0])
    for values in samples:
        began = time.perf_counter()
        run(values)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(points: int, queries: int, dim: int, order: str, repeats: int) -> None:
    rng = np.random.default_rng(0)
    box = np.stack(np.meshgrid(*[[0.0, 1.0]] * dim), axis=-1).reshape(-1, dim)
    triangulation = Delaunay(np.concatenate([box, rng.random((points - len(box), dim))]))
    kind = {2: "triangle", 3: "tetrahedron"}[dim]
    mesh = Mesh(triangulation.points, {kind: triangulation.simplices}, orient=True)
    axes = [np.linspace(0.01, 0.99, round(queries ** (1 / dim)))] * dim
    targets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)
    if order == "any":
        targets = rng.permutation(targets)
    samples = rng.standard_normal((repeats, mesh.n_points))
    began = time.perf_counter()
    linear = interpolation(mesh, targets, dtype=torch.float64)
    first = time.perf_counter() - began
    nodes = linear.matrix.indices
    ours, together, gather, anew, kept = (
        median_seconds(run, some)
        for run, some in (
            (lambda values: linear(torch.from_numpy(values)), samples),
            (lambda values: linear(torch.from_numpy(values)), rng.standard_normal((repeats, BATCH, mesh.n_points))),
            (lambda values: values.take(nodes), samples),
            (lambda values: LinearNDInterpolator(mesh.points, values)(targets), samples),
            (lambda values: LinearNDInterpolator(triangulation, values)(targets), samples),
        )
    )
    columns = [f"{dim}-D | {points:>6} | {len(targets):>7} {order:>4} | {1e3 * first:11.0f}"]
    columns += [f"{1e3 * seconds:8.3f}" for seconds in (gather, ours, together / BATCH)]
    columns += [f"{1e3 * seconds:8.1f}" for seconds in (anew, kept)]
    columns += [f"{kept / seconds:6.0f}" for seconds in (gather, ours, together / BATCH)]
    print(" | ".join([*columns, f"{anew / ours:6.0f}"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    versions = f"torch {torch.__version__}, scipy {scipy.__version__}"
    print(f"{date.today()}, {platform.processor() or platform.machine()}, {versions}")
    print("milliseconds per sample; kept and new over the others")
    heads = "    | points |      targets |      set-up |   gather |     ours |  16 ours |      new |     kept"
    print(f"{heads} | /gath. |  /ours |    /16 | new/ours")
    sizes = [(1_000, 4_096)] if quick else [(1_000, 4_096), (10_000, 65_536)]
    for points, queries in sizes:
        for dim in (2, 3):
            for order in ("grid", "any"):
                measure(points, queries, dim, order, repeats=3 if quick else 15)


if __name__ == "__main__":
    main()
