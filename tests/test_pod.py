"""Modes against NumPy's SVD, in the inner product of the grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

import surrogate as sg
from surrogate.datasets import POD, Grid, InputError

GRIDS = {
    "periodic": Grid(shape=(24,), extent=(2.0,), periodic=True),
    "closed": Grid(shape=(9, 7), extent=(1.0, 3.0)),
    "cells": Grid(shape=(6, 5, 4), location="cell"),
}
grids = pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)


def trajectories(grid: Grid, samples: int = 3, times: int = 5) -> xr.Dataset:
    rng = np.random.default_rng(0)
    shape = (samples, times, *grid.shape)
    variables = {
        name: (("sample", "time", *grid.names), size * rng.normal(size=shape) + 3, {"units": unit, "long_name": name})
        for name, size, unit in (("u", 1.0, "m/s"), ("p", 50.0, "Pa"))
    }
    time = xr.Variable("time", 0.5 * np.arange(times), {"units": "s", "long_name": "time"})
    return xr.Dataset(variables, coords={"time": time, **grid.coordinates()})


def weights(grid: Grid) -> np.ndarray:
    total = np.ones(())
    for axis in grid.quadrature_weights:
        total = np.multiply.outer(total, axis)
    return total


@grids
def test_it_is_the_svd_of_numpy_in_the_inner_product_of_the_grid(grid: Grid) -> None:
    fields = trajectories(grid)
    pod = POD(fields, ["u", "p"], rank=4, scaled=False)
    matrix = np.stack([fields[n].values.reshape(15, *grid.shape) for n in ("u", "p")], axis=1)
    root = np.sqrt(weights(grid))
    scaled = ((matrix - matrix.mean(0)) * root).reshape(15, -1)
    left, values, right = np.linalg.svd(scaled, full_matrices=False)
    np.testing.assert_allclose(pod.singular_values.numpy(), values, rtol=0, atol=1e-12 * values[0])
    ours = (pod.modes * torch.from_numpy(root)).flatten(1).numpy()
    signs = np.sign((ours * right[:4]).sum(1))
    np.testing.assert_allclose(ours, signs[:, None] * right[:4], rtol=0, atol=1e-10)  # gaps of values ~ 1 % of them
    coefficients = pod.encode(torch.from_numpy(matrix)).numpy()
    np.testing.assert_allclose(coefficients, signs * left[:, :4] * values[:4], rtol=0, atol=1e-10 * values[0])


@grids
@pytest.mark.parametrize("scaled", [False, True])
def test_modes_are_orthonormal_and_what_is_left_out_is_the_energy_left_out(grid: Grid, scaled: bool) -> None:
    fields = trajectories(grid)
    pod = POD(fields, ["u", "p"], rank=5, scaled=scaled)
    square = {
        n: float(
            ((fields[n] - fields[n].mean(("sample", "time"))) ** 2)
            .weighted(xr.DataArray(weights(grid), dims=grid.names))
            .mean()
        )
        if scaled
        else 1.0
        for n in ("u", "p")
    }
    inner = torch.from_numpy(np.stack([weights(grid) / square[n] for n in ("u", "p")]))
    flat = pod.modes.flatten(1)
    torch.testing.assert_close(flat @ (inner.flatten()[:, None] * flat.T), torch.eye(5).double(), rtol=0, atol=1e-12)
    frames = torch.from_numpy(np.stack([fields[n].values.reshape(15, *grid.shape) for n in ("u", "p")], axis=1))
    rest = frames - pod.decode(pod.encode(frames))
    assert float((rest.square() * inner).sum()) == pytest.approx(
        float(pod.singular_values[5:].square().sum()), rel=1e-10
    )
    if scaled:  # each field brings as much energy as the other: 15 frames of mean square 1 over the box
        total = 2 * 15 * np.prod(grid.lengths)
        assert float(pod.singular_values.square().sum()) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("energy", [0.3, 0.9, 0.999, 1.0])
def test_as_few_modes_as_hold_the_energy(energy: float) -> None:
    pod = POD(trajectories(GRIDS["closed"]), ["u", "p"], energy=energy)
    shares = np.cumsum(pod.singular_values.numpy() ** 2) / np.sum(pod.singular_values.numpy() ** 2)
    assert shares[pod.rank - 1] >= energy - 1e-13
    assert pod.rank == 1 or shares[pod.rank - 2] < energy


@grids
def test_series_and_back(grid: Grid) -> None:
    fields = trajectories(grid)
    pod = POD(fields, ["u", "p"], energy=1.0)  # 15 frames: all of them lie in the span
    series = sg.datasets.fields.check(pod.to_series(fields))
    assert dict(series.sizes) == {"sample": 3, "time": 5}
    again = pod.to_fields(series, fields)
    xr.testing.assert_allclose(again, fields, rtol=0, atol=1e-10)
    assert again["p"].attrs == fields["p"].attrs


def test_only_the_training_part_is_looked_at() -> None:
    fields = trajectories(GRIDS["periodic"], samples=10)
    data = sg.prepare(fields, inputs=["u"], outputs=["u"])
    one, two = POD(data, ["u"], rank=3), POD(data["train"], ["u"], rank=3)
    assert torch.equal(one.modes, two.modes)
    series = one.transform(data)
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(series[part]["pod_1"], one.to_series(data[part])["pod_1"])
    assert sg.datasets.Signature.from_data(series).in_fields == ("pod_1", "pod_2", "pod_3")


def test_wrong_input_is_refused() -> None:
    grid = GRIDS["periodic"]
    fields = trajectories(grid)
    pod = POD(fields, ["u"], rank=2)
    for arguments, message in [
        ({"rank": 16}, "a rank of 1 to 15, got 16"),
        ({"energy": 0.0}, "an energy above 0 and at most 1, got 0.0"),
    ]:
        with pytest.raises(InputError, match=message):
            POD(fields, ["u"], **arguments)
    with pytest.raises(InputError, match="fields that vary, got equal frames"):
        POD(xr.zeros_like(fields), ["u"])
    with pytest.raises(InputError, match="a field 'w'"):
        POD(fields, ["w"])
    with pytest.raises(InputError, match="fields over space, got series"):
        POD(pod.to_series(fields), ["pod_1"])
    with pytest.raises(InputError, match=r"fields on Grid\(shape=\(24,\)"):
        pod.to_series(trajectories(grid.with_shape((12,))))
    with pytest.raises(InputError, match="fields with a time axis"):
        pod.to_series(fields.isel(time=0, drop=True))
