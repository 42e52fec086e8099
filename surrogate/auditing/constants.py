"""Fields that say nothing because they do not vary."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import OVER_SPACE, field_names, n_samples, ranges_of
from surrogate.auditing.finding import Finding
from surrogate.auditing.words import some


def constants(fields: xr.Dataset) -> Iterator[Finding]:
    """Find fields that are constant, and samples in which they are."""
    for name in field_names(fields):
        ranges = ranges_of(fields, name)
        low, high = np.fmin.reduce(ranges[:, 0]), np.fmax.reduce(ranges[:, 1])
        if low == high:
            cure = "Leave it out: it tells a network nothing. Was it ever written?"
            yield Finding("warning", f"is {low:.6g} everywhere", cure, name)
            continue
        still = np.flatnonzero(ranges[:, 0] == ranges[:, 1]).tolist()
        if still and OVER_SPACE & set(fields[name].dims):
            moving = "time" in fields[name].dims
            cure = "Remove them if their run failed or was never written." if moving else "Check that this is meant."
            message = f"is constant in {some(still, n_samples(fields))}"
            yield Finding("warning" if moving else "note", message, cure, name, tuple(still))
