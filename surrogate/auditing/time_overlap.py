"""Parts that overlap in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import OVER_SPACE
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.frame_hashes import frame_hashes, moving_field, n_frames
from surrogate.auditing.words import plural, some
from surrogate.datasets.errors import InputError
from surrogate.datasets.samples.splits import refuse_overlap

_CURE = 'Split all trajectories by sample, or by time with prepare(..., split_by="time").'


def time_overlap(parts: Mapping[str, xr.Dataset]) -> Iterator[Finding]:
    """Find frames of a later part that are in an earlier one; of series, times that are."""
    if any("time" not in fields.dims for fields in parts.values()):
        raise NotApplicable("parts without time")
    series = not any(OVER_SPACE & set(fields.dims) for fields in parts.values())
    for (one, earlier), (other, later) in combinations(parts.items(), 2):
        if series or later.attrs.get("split_by") == "time":
            yield from _of_series(one, earlier, other, later)
        else:
            yield from _of_trajectories(one, earlier, other, later)


def _of_series(one: str, earlier: xr.Dataset, other: str, later: xr.Dataset) -> Iterator[Finding]:
    try:
        refuse_overlap(earlier, later, int(later.attrs.get("history", 0)))
    except InputError as error:
        yield Finding("error", f"{one!r} and {other!r}: {error}".partition(". ")[0], _CURE, "time", part=other)


def _of_trajectories(one: str, earlier: xr.Dataset, other: str, later: xr.Dataset) -> Iterator[Finding]:
    name, total = moving_field(later), n_frames(earlier) + n_frames(later)
    if name not in earlier:
        raise NotApplicable(f"{name!r} is not in all parts")
    known, frames = frame_hashes(earlier, name, total=total), frame_hashes(later, name, total=total)
    shared = np.isin(frames.key, known.key) & (frames.frame > 0)  # equal starts are a matter of samples
    if shared.any():
        samples = np.unique(frames.sample[shared]).tolist()
        message = (
            f"{plural(int(shared.sum()), 'frame')} of {some(samples, later.sizes.get('sample', 1))} are in {one!r}"
        )
        yield Finding("error", message, _CURE, name, tuple(samples), part=other)
