"""Samples whose inputs are nearly equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree

from surrogate.auditing.blocks import n_samples
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.fingerprints import deviations, digests, input_names, sampled_names, sketches, starts
from surrogate.auditing.words import some
from surrogate.datasets.samples.ragged import counts

# Of the deviation of the inputs: equal to three digits. Random inputs of k degrees of freedom come so near with a
# chance of about TOLERANCE^k for each pair.
TOLERANCE = 1e-3
# A sketch keeps the distance of two samples up to a random factor that exceeds 4 once in 1e4.
_SLACK = 4.0
_VERIFIED = 200  # pairs: each takes two reads at any place of a file


def near_duplicates(fields: xr.Dataset) -> Iterator[Finding]:
    """Find samples whose initial states or inputs differ by less than `TOLERANCE` of their deviation, or not at all.

    Samples that are equal in all are left to `duplicates`.
    """
    if n_samples(fields) < 2:
        raise NotApplicable("a single sample")
    if counts(fields):
        raise NotApplicable("samples with points of their own")
    scales = deviations(fields, input_names(fields))
    points = sketches(fields, scales)
    pairs = nearest_pairs(points, points, own=True)
    if pairs:
        equal = digests(fields, sampled_names(fields))
        pairs = [(i, j) for i, j in pairs if (equal[i] != equal[j]).any()]
    near, least = near_pairs(fields, fields, scales, pairs)
    if near:
        later = sorted({max(pair) for pair in near})
        message = (
            f"inputs of {least}{some(later, len(points))} are within {TOLERANCE:g} of their deviation of another's: "
            f"samples {near[0][0]} and {near[0][1]}"
        )
        cure = "Keep one of each, or give them one `group` in `prepare`: on two sides they make scores too good."
        yield Finding("warning", message, cure, samples=tuple(later))


def nearest_pairs(points: np.ndarray, others: np.ndarray, *, own: bool = False) -> list[tuple[int, int]]:
    """Return each row of ``points`` that may be near a row of ``others`` with the nearest; ``own``: but itself."""
    known, rows = (np.flatnonzero(np.isfinite(some).all(axis=1)) for some in (others, points))
    if not len(known) or not len(rows):
        return []
    tree = cKDTree(others[known])
    distance, neighbor = tree.query(points[rows], k=[1, 2] if own else [1], distance_upper_bound=_SLACK * TOLERANCE)
    near = np.isfinite(distance)
    neighbor = np.where(near, known[np.minimum(neighbor, len(known) - 1)], -1)
    if own:
        near &= neighbor != rows[:, None]
    column = near.argmax(axis=1)
    found = near.any(axis=1)
    pairs = np.stack([rows, neighbor[np.arange(len(rows)), column]], axis=1)[found]
    return [(int(i), int(j)) for i, j in np.unique(np.sort(pairs, axis=1) if own else pairs, axis=0)]


def near_pairs(
    one: xr.Dataset, other: xr.Dataset, scales: Mapping[str, float], pairs: Sequence[tuple[int, int]]
) -> tuple[list[tuple[int, int]], str]:
    """Return the pairs that are near by all values of their first frames, and ``"at least "`` if not all were tried."""
    one, other = starts(one), starts(other)
    near = [pair for pair in pairs[:_VERIFIED] if _is_near(one, other, scales, *pair)]
    return near, "at least " if len(pairs) > _VERIFIED else ""


def _is_near(one: xr.Dataset, other: xr.Dataset, scales: Mapping[str, float], i: int, j: int) -> bool:
    squares = 0.0
    for name, scale in scales.items():
        a, b = (np.float64(fields[name].isel(sample=k).values) for fields, k in ((one, i), (other, j)))
        squares += np.square((a - b) / scale).mean() if scale else float((a != b).any())
    return bool(squares <= TOLERANCE**2)
