"""Samples as short numbers: equal ones have equal digests, near ones near sketches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from surrogate.auditing.blocks import field_names, n_samples, samples_of
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.samples.ragged import counts

WIDTH = 16
_INPUTS = ("state", "static", "forcing", "parameter")


def sampled_names(fields: xr.Dataset) -> list[str]:
    """Return the names of all that differs by sample: fields, parameters, and points where samples have their own."""
    varying = {"sample", *counts(fields)}
    points = [axis for axis in AXES if axis in fields.coords and not varying.isdisjoint(fields[axis].dims)]
    numbers = [str(name) for name, v in fields.data_vars.items() if v.dims == ("sample",) and v.dtype.kind in "iufb"]
    return [*field_names(fields), *numbers, *points]


def input_names(fields: xr.Dataset) -> list[str]:
    """Return the names of what decides a sample: by the roles if there are any, else all."""
    names = sampled_names(fields)
    return [name for name in names if fields[name].attrs.get("role") in _INPUTS] or names


def digests(fields: xr.Dataset, names: Sequence[str]) -> np.ndarray:
    """Return for each sample a hash ``(sample, 16)`` of the bytes of these fields, its points and parameters."""
    columns = [_digest_of(fields, name) for name in names if name in fields.variables]
    rows = np.concatenate(columns, axis=1)
    return np.array([np.frombuffer(hashlib.blake2b(row, digest_size=16).digest(), np.uint8) for row in rows])


def deviations(fields: xr.Dataset, names: Sequence[str]) -> dict[str, float]:
    """Return the deviation of each field at the start, over all samples and points whose values are finite."""
    begin, found = starts(fields), {}
    for name in names:
        moments = [
            (values.mean(dtype=np.float64), np.square(values, dtype=np.float64).mean())
            for _, _, values in samples_of(begin, name)
            if values.size and np.isfinite(values).all()
        ]
        mean, square = np.mean(moments, axis=0) if moments else (0.0, 0.0)
        found[name] = float(np.sqrt(max(0.0, square - mean**2)))
    return found


def sketches(fields: xr.Dataset, scales: Mapping[str, float]) -> np.ndarray:
    r"""Return for each sample a few numbers ``(sample, k)`` whose distances are about those of the samples.

    The distance is the root of the mean square difference of the first frames, each field divided by its scale, summed
    over the fields. Consecutive values are added with random signs (a count sketch), which keeps it on average. Rows of
    samples that are not finite are not either.
    """
    parts = [_sketch_of(starts(fields), name, scale) for name, scale in scales.items() if scale]
    return np.concatenate(parts, axis=1) if parts else np.zeros((n_samples(fields), 1))


def starts(fields: xr.Dataset) -> xr.Dataset:
    """Return the first frames."""
    return fields.isel(time=0) if "time" in fields.dims else fields


def _digest_of(fields: xr.Dataset, name: str) -> np.ndarray:
    result = np.zeros((n_samples(fields), 16), np.uint8)
    last, digest = -1, hashlib.blake2b(digest_size=16)
    for sample, _, values in samples_of(fields, name):
        if sample != last:
            last, digest = sample, hashlib.blake2b(str(values.shape[1:]).encode(), digest_size=16)
        digest.update(np.ascontiguousarray(values).view(np.uint8).data)
        result[sample] = np.frombuffer(digest.digest(), np.uint8)
    return result


def _sketch_of(fields: xr.Dataset, name: str, scale: float) -> np.ndarray:
    result = np.zeros((n_samples(fields), WIDTH))
    signs, edges = np.zeros(0, np.int8), np.zeros(0, int)
    for sample, _, piece in samples_of(fields, name):
        values = np.ravel(piece) / scale
        if not np.isfinite(values).all():
            result[sample] = np.nan
            continue
        if values.size != signs.size:
            signs = np.random.default_rng(0).integers(0, 2, values.size, dtype=np.int8) * 2 - 1
            edges = np.unique(np.linspace(0, values.size, WIDTH, endpoint=False).astype(int))
        result[sample, : len(edges)] = np.add.reduceat(values * signs, edges) / np.sqrt(values.size)
    return result
