"""Means, spreads and ranges of fields that do not fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from surrogate.datasets.storage.blocks import read_blocks
from surrogate.datasets.storage.finite import not_finite


class Moments(NamedTuple):
    """Mean and standard deviation, one for all values or one for each point, and the range of all values."""

    mean: np.ndarray
    std: np.ndarray
    low: float
    high: float


def moments(name: str, variable: xr.Variable, points: Sequence[str] = ()) -> Moments:
    r"""Return the statistics of a variable, read once and a block at a time.

    With ``points``, the names of dimensions in the order of the variable, there is a mean and a deviation for each of
    their points. Blocks are joined in float64 by :math:`M = M_a + M_b + \delta^2 n_a n_b / (n_a + n_b)` for the sum of
    squares around the mean, where :math:`\delta` is the difference of their means.

    Raises
    ------
    InputError
        A value that is not finite.

    References
    ----------
    Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979.
    """
    over = tuple(axis for axis, dim in enumerate(variable.dims) if dim not in points)
    kept = [axis for axis, dim in enumerate(variable.dims) if dim in points]
    shape = [variable.shape[axis] for axis in kept]
    count, mean, square = (np.zeros(shape) for _ in range(3))
    low, high = np.inf, -np.inf
    for box, values in read_blocks(variable):
        wide = values.astype(np.float64)
        own = wide.mean(over, keepdims=True)
        if not np.isfinite(own).all():
            raise not_finite(name, variable, box)
        low, high = min(low, float(wide.min())), max(high, float(wide.max()))
        wide -= own
        spread = np.square(wide, out=wide).sum(over)
        region = tuple(box[axis] for axis in kept)
        number, difference = wide.size / max(1, own.size), own.squeeze(over) - mean[region]
        total = count[region] + number
        square[region] += spread + difference**2 * count[region] * number / total
        mean[region] += difference * number / total
        count[region] = total
    return Moments(mean, np.sqrt(square / count), low, high)


def extremes(name: str, variable: xr.Variable) -> tuple[float, float]:
    """Return the least and the greatest value.

    Raises
    ------
    InputError
        A value that is not finite.
    """
    low, high = np.inf, -np.inf
    for box, values in read_blocks(variable):
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        if not np.isfinite([low, high]).all():
            raise not_finite(name, variable, box)
    return low, high
