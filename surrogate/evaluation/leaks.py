"""Whether the truth was in the training part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.samples.preparation import sample_keys
from surrogate.datasets.samples.ragged import counts
from surrogate.datasets.samples.splits import refuse_overlap
from surrogate.operator import Operator, Stepper


def refuse_leaks(truth: xr.Dataset, training: xr.Dataset, first: Operator) -> None:
    """Raise `InputError` if a sample of the truth, or a moment of one, is in the training part, too.

    Samples are equal if they have the same case, seed and number, or else the same inputs bit for bit. Trajectories
    overlap in time if a later frame of one is, bit for bit, a frame of the other; frames that do not vary do not count.
    ``first`` says what are inputs and outputs.
    """
    if training.attrs.get("split_by") == "time":
        refuse_overlap(training, truth, first.history if isinstance(first, Stepper) else 0)
        return
    outputs = first.out_fields
    used = [*first.in_fields, *first.static_fields, *first.parameter_fields]
    inputs = [name for name in used if name in truth and name in training]
    shared = set(sample_keys(truth, inputs)) & set(sample_keys(training, inputs))
    do = "Split with `prepare`, or remove them from one part."
    if shared:
        raise expected("a truth without training samples", f"{len(shared)} that are in both", do)
    if "time" not in truth[outputs[0]].dims or counts(truth) or counts(training):
        return
    common = _moments(truth, outputs, first=1) & _moments(training, outputs, first=0)
    if common:
        got = f"{len(common)} frames that are in both"
        raise expected("trajectories that do not overlap in time with the training part", got, do)


def _moments(fields: xr.Dataset, names: Sequence[str], *, first: int) -> set[bytes]:
    """Return hashes of the frames from number ``first`` on, without those that are constant in space."""
    frames = [fields[name].transpose("sample", "time", ...) for name in names]
    found = set()
    for sample in range(fields.sizes["sample"]):
        parts = [variable.isel(sample=sample, time=slice(first, None)).values for variable in frames]
        for moment in zip(*parts, strict=True):
            if any(np.ptp(part) > 0 for part in moment):
                joined = b"".join(np.ascontiguousarray(part).tobytes() for part in moment)
                found.add(hashlib.blake2b(joined, digest_size=16).digest())
    return found
