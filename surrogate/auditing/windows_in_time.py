"""Windows of one trajectory that pass for samples of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import n_samples
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.frame_hashes import frame_hashes, moving_field, n_frames
from surrogate.auditing.words import some


def windows_in_time(fields: xr.Dataset) -> Iterator[Finding]:
    """Find samples with frames that occur in an earlier sample at another time."""
    if n_samples(fields) < 2:
        raise NotApplicable("a single sample")
    name = moving_field(fields)
    frames = frame_hashes(fields, name, total=n_frames(fields))
    order = np.argsort(frames.key, kind="stable")
    key, sample, number = frames.key[order], frames.sample[order], frames.frame[order]
    twice = (key[1:] == key[:-1]) & (sample[1:] != sample[:-1]) & (number[1:] != number[:-1])
    if twice.any():
        later = np.unique(np.maximum(sample[1:], sample[:-1])[twice]).tolist()
        pair = int(np.argmax(twice))
        place = (
            f"frame {number[pair]} of sample {sample[pair]} is frame {number[pair + 1]} of sample {sample[pair + 1]}"
        )
        message = f"{some(later, n_samples(fields))} hold frames of an earlier one at another time: {place}"
        cure = "Give windows of one trajectory one `group` in `prepare`, or they end up on both sides of a split."
        yield Finding("warning", message, cure, name, tuple(later))
