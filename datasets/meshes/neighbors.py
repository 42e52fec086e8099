"""Graphs of near points, for many samples at once and never across them."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial import cKDTree
from torch import Tensor

from surrogate.datasets.errors import expected


def radius_graph(
    points: Float[Tensor, "points dim"], radius: float, ptr: Int[Tensor, " samples_and_one"] | None = None
) -> Int[Tensor, "2 edges"]:
    """Return the edges (j, i) between different points of a sample that are at most ``radius`` apart, sorted by i.

    Parameters
    ----------
    points
        Points of all samples (N, d), on any device; the search runs on the CPU.
    radius
        Largest distance.
    ptr
        First row of each sample, and the end; None for one sample.

    Raises
    ------
    InputError
        A radius that is not positive, points that are not finite, ``ptr`` that does not end with the points.
    """
    return radius_neighbors(points, points, radius, ptr, ptr, loops=False)


def nearest_graph(
    points: Float[Tensor, "points dim"], k: int, ptr: Int[Tensor, " samples_and_one"] | None = None
) -> Int[Tensor, "2 edges"]:
    """Return the edges (j, i) from the k points of a sample that are nearest to each of its points i, nearest first.

    Raises
    ------
    InputError
        A sample with at most k points, and as `radius_graph`.
    """
    return nearest_neighbors(points, points, k, ptr, ptr, loops=False)


def radius_neighbors(
    points: Float[Tensor, "points dim"],
    queries: Float[Tensor, "queries dim"],
    radius: float,
    ptr: Int[Tensor, " samples_and_one"] | None = None,
    query_ptr: Int[Tensor, " samples_and_one"] | None = None,
    *,
    loops: bool = True,
) -> Int[Tensor, "2 edges"]:
    """Return the edges (j, i) from points j to queries i of their sample that are at most ``radius`` apart.

    Without ``loops``, a point and a query of the same number are no neighbors.
    """
    if not 0 < radius < np.inf:
        raise expected("a positive radius", radius, "Correct `radius`.")
    given, wanted, _ = _lifted(points, queries, ptr, query_ptr, apart=2 * radius)
    pairs = cKDTree(wanted).sparse_distance_matrix(cKDTree(given), radius, output_type="ndarray")
    target, source = pairs["i"].astype(np.int64), pairs["j"].astype(np.int64)
    if not loops:
        target, source = target[target != source], source[target != source]
    order = np.lexsort((source, target))
    return torch.from_numpy(np.stack([source[order], target[order]])).to(points.device)


def nearest_neighbors(
    points: Float[Tensor, "points dim"],
    queries: Float[Tensor, "queries dim"],
    k: int,
    ptr: Int[Tensor, " samples_and_one"] | None = None,
    query_ptr: Int[Tensor, " samples_and_one"] | None = None,
    *,
    loops: bool = True,
) -> Int[Tensor, "2 edges"]:
    """Return the edges (j, i) from the k points j of their sample that are nearest to each query i, nearest first.

    Without ``loops``, a point and a query of the same number are no neighbors.
    """
    if k < 1:
        raise expected("at least one neighbor", k, "Correct `k`.")
    given, wanted, counts = _lifted(points, queries, ptr, query_ptr, apart=None)
    needed = k if loops else k + 1
    if counts.min() < needed:
        got = f"{counts.min()} in sample {int(counts.argmin())}"
        raise expected(f"at least {needed} points in each sample", got, "Use fewer neighbors.")
    source = np.asarray(cKDTree(given).query(wanted, k=np.arange(1, needed + 1))[1], dtype=np.int64)
    if not loops:  # among equal points the own number need not come first, nor at all
        own = source == np.arange(len(source))[:, None]
        own[~own.any(axis=1), -1] = True
        source = source[~own].reshape(len(source), k)
    target = np.repeat(np.arange(len(wanted)), k)
    return torch.from_numpy(np.stack([source.ravel(), target])).to(points.device)


def _lifted(
    points: Tensor, queries: Tensor, ptr: Tensor | None, query_ptr: Tensor | None, apart: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points and queries with one coordinate more, in which samples are far apart, and the counts of points.

    Within a sample that coordinate is the same number, so that distances do not change.
    """
    given, wanted = (tensor.detach().cpu().double().numpy() for tensor in (points, queries))
    for values in (given, wanted):
        if not len(values) or not np.isfinite(values).all():
            raise expected("finite points, and some", f"shape {values.shape}", "Repair or remove them.")
    counts, query_counts = _counts(ptr, len(given)), _counts(query_ptr, len(wanted))
    if len(counts) != len(query_counts):
        got = f"{len(counts)} and {len(query_counts)}"
        raise expected("points and queries of as many samples", got, "Correct the ptr of one.")
    if apart is None:
        low, high = (f([f(given, axis=0), f(wanted, axis=0)], axis=0) for f in (np.min, np.max))
        apart = 2 * float(np.linalg.norm(high - low)) + 1.0
    samples = apart * np.arange(len(counts))
    return (
        np.column_stack([given, np.repeat(samples, counts)]),
        np.column_stack([wanted, np.repeat(samples, query_counts)]),
        counts,
    )


def _counts(ptr: Tensor | None, size: int) -> np.ndarray:
    if ptr is None:
        return np.array([size])
    ends = ptr.detach().cpu().numpy()
    if ends[0] != 0 or ends[-1] != size or (np.diff(ends) < 0).any():
        raise expected(f"ptr that rises from 0 to {size}", ends.tolist(), "Add up the counts.")
    return np.diff(ends)
