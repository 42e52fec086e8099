"""Samples on two sides of a split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import xarray as xr

from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.fingerprints import deviations, digests, input_names, sketches, starts
from surrogate.auditing.near_duplicates import TOLERANCE, near_pairs, nearest_pairs
from surrogate.auditing.words import some
from surrogate.datasets.samples.preparation import sample_keys
from surrogate.datasets.samples.ragged import counts
from surrogate.datasets.samples.splits import geometry_keys

_CURE = "Remove them from one part, or split all samples anew (surrogate.prepare)."


def split_overlap(parts: Mapping[str, xr.Dataset]) -> Iterator[Finding]:
    """Find samples of a later part whose inputs are, exactly or nearly, those of an earlier one."""
    if any("sample" not in fields.dims for fields in parts.values()):
        raise NotApplicable("parts without dimension 'sample'")
    if all(fields.attrs.get("split_by") == "time" for fields in parts.values()):
        raise NotApplicable("parts split by time have the same samples")
    for (one, earlier), (other, later) in combinations(parts.items(), 2):
        names = [name for name in input_names(later) if name in earlier]
        if not names:
            raise NotApplicable(f"{one!r} and {other!r} have no field in common")
        shared = _shared(earlier, later, names)
        if shared:
            message = f"inputs of {some(shared, later.sizes['sample'])} are also in {one!r}"
            yield Finding("error", message, _CURE, samples=tuple(shared), part=other)
        pairs, least = _near(earlier, later, names)
        near = sorted({sample for sample, _ in pairs} - set(shared))
        if near:
            message = (
                f"inputs of {least}{some(near, later.sizes['sample'])} are within {TOLERANCE:g} of ones in {one!r}"
            )
            yield Finding("error", message, _CURE, samples=tuple(near), part=other)
        if "node" in counts(earlier) and "node" in counts(later):
            known = set(geometry_keys(earlier))
            same = [sample for sample, key in enumerate(geometry_keys(later)) if key in known and sample not in shared]
            if same:
                message = f"points of {some(same, later.sizes['sample'])} are those of samples in {one!r}"
                cure = (
                    'Split with prepare(..., group="geometry"), unless new loads on known geometries are the question.'
                )
                yield Finding("warning", message, cure, samples=tuple(same), part=other)


def _shared(earlier: xr.Dataset, later: xr.Dataset, names: Sequence[str]) -> list[int]:
    """Return samples of ``later`` with the inputs, or with case, seed and number, of one of ``earlier``."""
    one, other = digests(starts(earlier), names), digests(starts(later), names)
    known = {row.tobytes() for row in one}
    found = {sample for sample, row in enumerate(other) if row.tobytes() in known}
    if all({"case", "seed"} <= fields.attrs.keys() and "sample" in fields.coords for fields in (earlier, later)):
        numbered = set(sample_keys(earlier, ()))
        found |= {sample for sample, key in enumerate(sample_keys(later, ())) if key in numbered}
    return sorted(found)


def _near(earlier: xr.Dataset, later: xr.Dataset, names: Sequence[str]) -> tuple[list[tuple[int, int]], str]:
    one, other = starts(earlier), starts(later)
    sizes = [{dim: size for dim, size in part[names].sizes.items() if dim != "sample"} for part in (one, other)]
    if counts(earlier) or counts(later) or sizes[0] != sizes[1]:
        return [], ""
    scales = deviations(earlier, names)
    return near_pairs(later, earlier, scales, nearest_pairs(sketches(later, scales), sketches(earlier, scales)))
