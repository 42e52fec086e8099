"""Samples that are there more than once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import n_samples
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.fingerprints import digests, sampled_names
from surrogate.auditing.words import some


def duplicates(fields: xr.Dataset) -> Iterator[Finding]:
    """Find samples that equal an earlier one bit for bit."""
    if n_samples(fields) < 2:
        raise NotApplicable("a single sample")
    _, first, group = np.unique(digests(fields, sampled_names(fields)), axis=0, return_index=True, return_inverse=True)
    original = first[group.ravel()]
    copies = np.flatnonzero(original != np.arange(len(original)))
    if len(copies):
        pair = f"sample {copies[0]} equals sample {original[copies[0]]}"
        message = f"{some(copies.tolist(), len(original))} repeat an earlier one bit for bit: {pair}"
        cure = "Keep one of each. `prepare` keeps equal samples in one part, but they count twice."
        yield Finding("warning", message, cure, samples=tuple(copies.tolist()))
