"""Samples that are far from all others: other units, or a run that blew up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import field_names, n_samples, ranges_of
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.words import some

FEWEST = 8  # of fewer a median absolute deviation says little
# A range this many times as large or as small as the median of all, and this many deviations of its logarithm away:
# log-normal ensembles of any width have one such sample in 1e15.
FACTOR, DEVIATIONS = 5.0, 8.0
_TO_DEVIATION = 1.4826  # of the median absolute deviation, for normal values


def outliers(fields: xr.Dataset) -> Iterator[Finding]:
    """Find samples whose range, or whose level, is far outside of those of the others."""
    if n_samples(fields) < FEWEST:
        raise NotApplicable(f"fewer than {FEWEST} samples to compare")
    for name in field_names(fields):
        low, high = ranges_of(fields, name).T
        spans, levels = high - low, (high + low) / 2
        if not (spans > 0).any():
            continue
        ratios = np.where(spans > 0, spans, np.nan) / np.nanmedian(spans[spans > 0])
        away = np.abs(np.log(ratios))
        wild = away > np.log(FACTOR) + DEVIATIONS * _TO_DEVIATION * np.nanmedian(away)
        if wild.any():
            worst = int(np.argmax(np.where(wild, away, 0.0)))
            yield _finding(name, f"has {ratios[worst]:.3g} times the usual range in sample {worst}", wild)
        shift = np.abs(levels - np.nanmedian(levels))
        usual = _TO_DEVIATION * np.nanmedian(shift) + np.nanmedian(spans)
        shifted = (shift > DEVIATIONS * usual) & ~wild
        if shifted.any():
            worst = int(np.argmax(np.where(shifted, shift, 0.0)))
            level = (
                f"is about {levels[worst]:.3g} in sample {worst}, where the median of all is {np.nanmedian(levels):.3g}"
            )
            yield _finding(name, level, shifted)


def _finding(name: str, message: str, found: np.ndarray) -> Finding:
    samples = np.flatnonzero(found).tolist()
    cure = "Look at them (surrogate inspect --plot): are they in other units, or did their run blow up?"
    return Finding("warning", f"{message}; so far off: {some(samples, len(found))}", cure, name, tuple(samples))
