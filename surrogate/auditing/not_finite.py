"""Values that are no numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import n_samples, samples_of
from surrogate.auditing.finding import Finding
from surrogate.auditing.words import plural, some
from surrogate.datasets.samples.ragged import counts


def not_finite(fields: xr.Dataset) -> Iterator[Finding]:
    """Find NaN and infinite values of fields, parameters and coordinates."""
    for name in map(str, fields.variables):
        if fields[name].dtype.kind != "f":
            continue
        of_samples = not {"sample", *counts(fields)}.isdisjoint(fields[name].dims)
        count, first = 0, ""
        samples: list[int] = []
        for sample, frame, values in samples_of(fields, name):
            finite = np.isfinite(values)
            if not finite.all():
                bad = np.argwhere(~finite)
                count += len(bad)
                samples += [sample] if sample not in samples[-1:] else []
                place = [_place(fields[name], frame, bad[0]), f"sample {sample}" if of_samples else ""]
                first = first or " of ".join(filter(None, place))
        if count:
            where = f" in {some(samples, n_samples(fields))}" if of_samples else ""
            message = f"{plural(count, 'value')} not finite{where}" + (f"; the first at {first}" if first else "")
            cure = "Remove these samples (surrogate.datasets.select_samples) or repair the data."
            yield Finding("error", message, cure, name, tuple(samples) if of_samples else ())


def _place(variable: xr.DataArray, frame: int, index: np.ndarray) -> str:
    """Return in words where a value is; ``index`` is its place in a piece of a sample that begins at ``frame``."""
    dims = [dim for dim in variable.dims if dim != "sample"]
    numbers = (int(i) + (frame if dim == "time" else 0) for dim, i in zip(dims, index, strict=True))
    return ", ".join(f"{dim} {number}" for dim, number in zip(dims, numbers, strict=True))
