"""Statistics of statistically steady flow, each with its sampling error."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, check, require
from surrogate.datasets.grids.grid import Grid

BATCHES = 10


def flow_statistics(
    fields: Fields, names: Sequence[str], *, along: Sequence[str], batches: int = BATCHES
) -> xr.Dataset:
    r"""Return mean profiles, root-mean-square fluctuations and stresses of fields that are steady on average.

    .. math:: \langle u \rangle, \qquad \langle u'^2 \rangle^{1/2}, \qquad \langle u' v' \rangle, \qquad
              u' = u - \langle u \rangle

    with means over samples, times and the axes ``along`` which the flow is homogeneous; profiles over the other axes
    remain.

    Sampling errors are by batch means: the time is cut into ``batches`` of equal length, and the standard error of the
    whole is the standard deviation of their means over the root of their number. It holds where a batch is many
    correlation times long, however alike neighboring frames are.

    Parameters
    ----------
    fields
        Frames ``(sample, time, *space)`` on a grid, past the transient.
    names
        The fields, such as the components of the velocity.
    along
        Axes of space over which to average, by their quadrature; may be empty.
    batches
        In how many parts to cut the time; frames that are left over at the start are not used.

    Returns
    -------
    xarray.Dataset
        ``mean`` and ``rms`` over ``field``, ``stress`` over ``pair`` (such as ``"velocity_x velocity_y"``), and the
        standard error of each: ``mean_error``, ``rms_error``, ``stress_error``.

    Raises
    ------
    InputError
        Fields without samples or times, or not finite; fewer frames than batches, fewer than two batches; an axis that
        is none.
    """
    dataset = as_dataset(fields)
    require(dataset, names)
    dataset = check(dataset[list(names)].assign_coords(dataset.coords))
    _check(dataset, along, batches)
    used = dataset.isel(time=slice(dataset.sizes["time"] % batches, None)).astype(np.float64)
    weights = _weights(Grid.from_fields(dataset), along)
    pairs = list(itertools.combinations(names, 2))
    means = {name: _batch_means(used[name], weights, batches) for name in names}
    off = {name: used[name] - means[name].mean("batch") for name in names}
    squares = {name: _batch_means(off[name] ** 2, weights, batches) for name in names}
    products = [_batch_means(off[one] * off[two], weights, batches) for one, two in pairs]
    fluctuations = {name: square.mean("batch") ** 0.5 for name, square in squares.items()}
    result = {
        "mean": _stack([mean.mean("batch") for mean in means.values()], "field", names),
        "mean_error": _stack([_standard_error(mean) for mean in means.values()], "field", names),
        "rms": _stack(list(fluctuations.values()), "field", names),
        "rms_error": _stack([_of_root(squares[name], fluctuations[name]) for name in names], "field", names),
    }
    if pairs:
        labels = [f"{one} {two}" for one, two in pairs]
        result["stress"] = _stack([product.mean("batch") for product in products], "pair", labels)
        result["stress_error"] = _stack([_standard_error(product) for product in products], "pair", labels)
    return xr.Dataset(result)


def _check(fields: xr.Dataset, along: Sequence[str], batches: int) -> None:
    if not {"sample", "time"} <= set(fields.dims):
        raise expected("fields over 'sample' and 'time'", tuple(fields.dims), "Use fields.expand_dims('sample').")
    if not 2 <= batches <= fields.sizes["time"]:
        got = f"{batches} of {fields.sizes['time']} frames"
        raise expected("at least two batches and a frame for each", got, "Give more frames or fewer `batches`.")
    unknown = [axis for axis in along if axis not in Grid.from_fields(fields).names]
    if unknown:
        raise expected(f"axes out of {Grid.from_fields(fields).names}", unknown, "Correct `along`.")


def _weights(grid: Grid, along: Sequence[str]) -> xr.DataArray:
    """Return weights over the axes of the average that sum to 1: quadrature where an axis is stretched, else equal."""
    product = xr.DataArray(1.0)
    for axis in grid.parts:
        if axis.name in along:
            own = np.ones(axis.n) if axis.stretching == "uniform" else axis.weights
            product = product * xr.DataArray(own / own.sum(), dims=axis.name)
    return product


def _batch_means(field: xr.DataArray, weights: xr.DataArray, batches: int) -> xr.DataArray:
    """Return the means over samples, the weighted axes and each part of the time."""
    average = (field * weights).sum(list(weights.dims)).mean("sample")
    return average.coarsen(time=average.sizes["time"] // batches).mean().rename(time="batch").drop_vars("batch")


def _standard_error(means: xr.DataArray) -> xr.DataArray:
    error: xr.DataArray = means.std("batch", ddof=1) / np.sqrt(means.sizes["batch"])
    return error


def _of_root(squares: xr.DataArray, root: xr.DataArray) -> xr.DataArray:
    """Return the standard error of the root of a mean, to first order; zero where nothing fluctuates."""
    error: xr.DataArray = _standard_error(squares) / (2 * root).where(root > 0, 1.0)
    return error


def _stack(parts: Sequence[xr.DataArray], dim: str, labels: Sequence[str]) -> xr.DataArray:
    return xr.concat(parts, xr.Variable(dim, list(labels)), coords="minimal", compat="override")
