"""Values that are no numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import n_samples, samples_of
from surrogate.auditing.finding import Finding
from surrogate.auditing.words import plural, some


def not_finite(fields: xr.Dataset) -> Iterator[Finding]:
    """Find NaN and infinite values of fields, parameters and coordinates."""
    for name in map(str, fields.variables):
        if fields[name].dtype.kind != "f":
            continue
        count, first = 0, ""
        samples: list[int] = []
        for sample, frame, values in samples_of(fields, name):
            bad = np.argwhere(~np.isfinite(values))
            if len(bad):
                first = first or _place(fields[name], sample, frame, bad[0])
                count += len(bad)
                samples += [sample] if sample not in samples[-1:] else []
        if count:
            where = f" in {some(samples, n_samples(fields))}" if name in fields.data_vars else ""
            message = f"{plural(count, 'value')} not finite{where}; the first {first}"
            cure = "Remove these samples (surrogate.datasets.select_samples) or repair the data."
            yield Finding("error", message, cure, name, tuple(samples))


def _place(variable: xr.DataArray, sample: int, frame: int, index: np.ndarray) -> str:
    """Return where a value is; ``index`` is its place in a piece of the sample."""
    dims = [dim for dim in variable.dims if dim != "sample"]
    place = {dim: int(i) + (frame if dim == "time" else 0) for dim, i in zip(dims, index, strict=True)}
    words = ", ".join(f"{dim} {number}" for dim, number in place.items())
    return f"at {words}" + (f" of sample {sample}" if words else f"in sample {sample}").replace("at in", "in")
