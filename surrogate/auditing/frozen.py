"""Trajectories that stand still."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import field_names, n_samples, samples_of
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.words import some


def frozen(fields: xr.Dataset) -> Iterator[Finding]:
    """Find frames that repeat the one before bit for bit, though the field varies in space."""
    moving = [name for name in field_names(fields) if "time" in fields[name].dims]
    if not moving:
        raise NotApplicable("no field over time")
    for name in moving:
        repeats: dict[int, int] = {}
        last = None
        for sample, first, piece in samples_of(fields, name):
            frames = piece.reshape(len(piece), -1)
            known = frames if first == 0 or last is None else np.concatenate([last, frames])
            same = (known[1:] == known[:-1]).all(axis=1) & (known[1:].max(axis=1) > known[1:].min(axis=1))
            if same.any():
                repeats[sample] = repeats.get(sample, 0) + int(same.sum())
            last = frames[-1:]
        if repeats:
            message = f"{sum(repeats.values())} frames repeat the one before in {some([*repeats], n_samples(fields))}"
            cure = "Remove these samples, or end them before: did the run stop there?"
            yield Finding("warning", message, cure, name, tuple(repeats))
