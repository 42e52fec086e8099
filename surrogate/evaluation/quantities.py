"""The user's own quantities of interest: error, and whether samples are ranked as the truth ranks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected

Quantity = Callable[[xr.Dataset], xr.DataArray]


def evaluate(quantities: Mapping[str, Quantity], fields: xr.Dataset) -> xr.Dataset:
    """Return the quantities of ``fields``, one number per sample each.

    Raises
    ------
    InputError
        A quantity is not a `DataArray` over ``sample`` alone.
    """
    values = {}
    for name, quantity in quantities.items():
        value = quantity(fields)
        if not isinstance(value, xr.DataArray) or value.dims != ("sample",):
            got = value.dims if isinstance(value, xr.DataArray) else type(value).__name__
            raise expected(f"one number per sample from quantity {name!r}", got, "Reduce the other dimensions.")
        values[name] = ("sample", value.values.astype(np.float64))
    return xr.Dataset(values)


def quantity_errors(predicted: xr.Dataset, true: xr.Dataset) -> dict[str, dict[str, float]]:
    """Return for each quantity the mean error relative to its mean size, and Spearman's rank correlation."""
    from scipy.stats import rankdata

    errors = {}
    for name in map(str, true.data_vars):
        p, t = predicted[name].values, true[name].values
        if not np.isfinite(p).all():
            errors[name] = {"relative_error": np.inf, "rank_correlation": 0.0}
            continue
        size = np.abs(t).mean()
        error = np.abs(p - t).mean()
        ranks = [rankdata(values) - (len(t) + 1) / 2 for values in (p, t)]
        scale = np.sqrt(np.square(ranks[0]).sum() * np.square(ranks[1]).sum())
        errors[name] = {
            "relative_error": 0.0 if error == 0 else float(error / size) if size > 0 else np.inf,
            "rank_correlation": float((ranks[0] * ranks[1]).sum() / scale) if scale > 0 else 0.0,
        }
    return errors


def mean_quantities(errors: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the means of what `quantity_errors` gives for several predictions."""
    return {
        name: {key: float(np.mean([part[name][key] for part in errors])) for key in entries}
        for name, entries in errors[0].items()
    }
