"""Trajectories that stand still."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import field_names, n_samples, samples_of
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.words import plural, some


def frozen(fields: xr.Dataset) -> Iterator[Finding]:
    """Find frames that repeat the one before bit for bit, though the field varies in space."""
    moving = [name for name in field_names(fields) if "time" in fields[name].dims]
    if not moving:
        raise NotApplicable("no field over time")
    for name in moving:
        repeats: dict[int, int] = {}
        last = np.zeros(0)
        for sample, first, piece in samples_of(fields, name):
            frames = piece.reshape(len(piece), -1)
            varied = frames.max(axis=1) > frames.min(axis=1)
            same = np.append(first > 0 and (frames[0] == last).all(), (frames[1:] == frames[:-1]).all(axis=1))
            if (same & varied).any():
                repeats[sample] = repeats.get(sample, 0) + int((same & varied).sum())
            last = frames[-1].copy()
        if repeats:
            count = plural(sum(repeats.values()), "frame")
            message = f"{count} equal to the one before in {some([*repeats], n_samples(fields))}"
            cure = "Remove these samples, or end them before: did the run stop there?"
            yield Finding("warning", message, cure, name, tuple(repeats))
