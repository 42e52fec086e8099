"""Frames of trajectories as numbers, to find those that are there twice."""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import OVER_SPACE, field_names, n_samples, samples_of
from surrogate.auditing.finding import NotApplicable
from surrogate.datasets.samples.ragged import counts

_HELD = 5_000_000  # frames, at 24 bytes


class Frames(NamedTuple):
    """Hashes of frames, each with its sample and its number."""

    key: np.ndarray
    sample: np.ndarray
    frame: np.ndarray


def moving_field(fields: xr.Dataset) -> str:
    """Return the name of the first field over time and space; raise `NotApplicable` if there is none."""
    if "time" not in fields.dims:
        raise NotApplicable("no field over time")
    if "time" in counts(fields) or counts(fields):
        raise NotApplicable("samples that are joined along a dimension")
    names = [name for name in field_names(fields) if "time" in fields[name].dims]
    spread = [name for name in names if OVER_SPACE & set(fields[name].dims)]
    if not spread:
        raise NotApplicable("no field over time and space")
    return spread[0]


def frame_hashes(fields: xr.Dataset, name: str, *, total: int) -> Frames:
    """Return hashes of the frames of a field that vary in space.

    Of ``total`` frames in all parts so many are kept that they fit in memory: those whose hash is divisible by a
    number, so that of equal frames all are kept or none.
    """
    divisor = max(1, math.ceil(total / _HELD))
    found = []
    for sample, first, values in samples_of(fields, name):
        for number, frame in enumerate(values, first):
            if frame.min() < frame.max():
                key = int.from_bytes(hashlib.blake2b(np.ascontiguousarray(frame).data, digest_size=8).digest())
                if key % divisor == 0:
                    found.append(np.array([key, sample, number], np.uint64))
    rows = np.array(found, np.uint64).reshape(-1, 3)
    return Frames(rows[:, 0], rows[:, 1].astype(np.int64), rows[:, 2].astype(np.int64))


def n_frames(fields: xr.Dataset) -> int:
    """Return the number of frames of all samples."""
    return n_samples(fields) * int(fields.sizes.get("time", 1))
