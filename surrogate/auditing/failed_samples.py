"""Samples that an ensemble lacks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.words import plural

_KINDS = {
    "failed_samples": "failed and are not in the data: those that are hardest to solve are left out",
    "missing_samples": "are not made yet",
}


def failed_samples(fields: xr.Dataset) -> Iterator[Finding]:
    """Find counts of samples that failed, or were never made, among the attributes."""
    stated = {name: fields.attrs[name] for name in _KINDS if isinstance(fields.attrs.get(name), int | np.integer)}
    if not stated:
        raise NotApplicable("the data do not say how many samples failed")
    for name, count in stated.items():
        if count:
            cure = "Generate again to go on, or with a finer solver; mind that errors then are of the others only."
            yield Finding("warning", f"{plural(int(count), 'sample')} {_KINDS[name]}", cure)
