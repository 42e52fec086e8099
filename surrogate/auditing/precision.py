"""Values that have fewer digits than their type can hold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import chosen_samples, field_names, samples_of
from surrogate.auditing.finding import Finding
from surrogate.datasets.samples.ragged import select_samples

_SAMPLES = 16
_VALUES = 2**14  # of each block that is read
_FEWEST = 256  # different values; phases, masks and counts have fewer
_BITS = {8: "bfloat16", 11: "float16"}  # of the significand
_PLACES = range(7)
_SURE = 1e-2  # of the last place: how near to a multiple of it all values are, and how fine the type must be there


def precision(fields: xr.Dataset) -> Iterator[Finding]:
    """Find fields that have been in half precision, or were written with a few decimals."""
    chosen = select_samples(fields, chosen_samples(fields, _SAMPLES)) if "sample" in fields.dims else fields
    for name in field_names(fields):
        values = np.concatenate([_some_values(piece) for _, _, piece in samples_of(chosen, name)])
        if len(np.unique(values)) < _FEWEST or (values == np.rint(values)).all():
            continue
        bits = next((bits for bits in _BITS if _has_bits(values, bits)), None)
        if bits is not None:
            message = f"has the {bits} bits of {_BITS[bits]}: it is known to {2.0**-bits:.1g} of its size"
            cure = "Take the data before they were rounded: no error below that can be measured."
            yield Finding("warning", message, cure, name)
            continue
        places = next((places for places in _PLACES if _has_places(values, places)), None)
        if places is not None:
            share = 0.5 * 10.0**-places / float(values.std(dtype=np.float64))
            message = f"is written with {places} decimals: it is known to {share:.1g} of its deviation"
            yield Finding("note", message, "Errors below that cannot be measured.", name)


def _some_values(piece: np.ndarray) -> np.ndarray:
    """Return finite values from all over a block, which need not be kept for them."""
    values: np.ndarray = np.ravel(piece)[:: max(1, piece.size // _VALUES)]
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


def _has_bits(values: np.ndarray, bits: int) -> bool:
    """Return whether all values are whole multiples of their last of so many binary digits."""
    scaled = np.frexp(values)[0] * 2.0**bits
    return bool((scaled == np.rint(scaled)).all())


def _has_places(values: np.ndarray, places: int) -> bool:
    """Return whether all values have so many decimals, as far as their type can tell."""
    scaled = values.astype(np.float64) * 10.0**places
    finest = np.finfo(values.dtype).eps * np.abs(scaled).max()
    return bool(finest < _SURE and (np.abs(scaled - np.rint(scaled)) < _SURE).all())
