"""Baselines on meshes, where their answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

import surrogate as sg
from surrogate.datasets import Box, Mesh, PointSamples, select_samples
from surrogate.evaluation.point_baselines import NearestSample, PointMean, RidgeMap
from surrogate.evaluation.ridge_fit import left_out_error, left_vectors
from surrogate.operator import Operator


class Like(Operator):
    """What the baselines take: f at the nodes to u at the nodes."""

    functions, in_fields, out_fields = (("f",),), ("f",), ("u",)

    def __init__(self, fields: xr.Dataset) -> None:
        super().__init__()
        self.domain = Box.from_fields(fields)


@pytest.fixture(scope="module")
def linear(polygons: xr.DataTree) -> xr.Dataset:
    """Return a linear map between bilinear functions on one mesh, which all the interpolations keep."""
    mesh = Mesh.from_fields(polygons["test"].to_dataset(), 0)
    rng = np.random.default_rng(0)
    x, y = mesh.points.T
    basis = np.stack([np.ones_like(x), x, y])
    coefficients = rng.normal(size=(20, 3))
    u = coefficients @ rng.normal(size=(3, 3)) @ basis
    one, dims = {"units": "1"}, ("sample", "node")
    return xr.Dataset({"f": (dims, coefficients @ basis, one), "u": (dims, u, one)}, mesh.coordinates())


def predicted(operator: Operator, fields: xr.Dataset) -> np.ndarray:
    return sg.predict(operator, fields)["u"].values


def test_ridge_finds_a_linear_map(linear: xr.Dataset) -> None:
    """Rank three from sixteen samples: nothing is left but the smallest penalty, 1e-8."""
    ridge = RidgeMap(linear.isel(sample=slice(16)), Like(linear))
    test = linear.isel(sample=slice(16, None))
    np.testing.assert_allclose(predicted(ridge, test), test["u"], atol=2e-2 * float(np.abs(test["u"]).max()))
    constant = test.assign(f=test["f"] * 0 + 1.0)
    assert np.abs(predicted(ridge, constant) - predicted(ridge, test)).max() > 0.1


def test_strength_has_the_smallest_error_when_samples_are_left_out(linear: xr.Dataset) -> None:
    """The closed form against fits without each sample in turn."""
    rng = np.random.default_rng(1)
    noisy = linear.isel(sample=slice(8))
    noisy = noisy.assign(u=noisy["u"] + 3 * rng.normal(size=noisy["u"].shape))
    ridge = RidgeMap(noisy, Like(linear))
    x, y = ridge.known - ridge.known.mean(0), (ridge.targets - ridge.targets.mean(0)).flatten(1)
    vectors, squares = left_vectors(x)
    for factor in (1e-4, 1e-1, 10.0):
        strength = float(factor * squares.mean())
        error = 0.0
        for i in range(8):
            rest = [j for j in range(8) if j != i]
            dual = torch.linalg.solve(x[rest] @ x[rest].T + strength * torch.eye(7).double(), y[rest])
            error += float((x[i] @ x[rest].T @ dual - y[i]).square().sum())
        assert left_out_error(strength, vectors, squares, y, vectors.T @ y) == pytest.approx(error, rel=1e-8)


def test_nearest_sample_knows_the_training_samples(polygons: xr.DataTree) -> None:
    """Its own answer comes back, but for the way to the grid."""
    training = polygons["train"].to_dataset()
    like = sg.cases.PoissonPolygons().solver()
    like.domain = Box.from_fields(training)
    nearest = NearestSample(training, like)
    some = select_samples(training, [5, 2])
    samples = PointSamples(some, like.functions, dtype=torch.float64).__getitems__([0, 1])
    assert torch.cdist(nearest.features(samples["x"]), nearest.known).argmin(1).tolist() == [5, 2]
    assert float(sg.relative_error(sg.predict(nearest, some), some).max()) < 0.1


def test_mean_is_that_of_all_points(polygons: xr.DataTree) -> None:
    training, test = (polygons[part].to_dataset() for part in ("train", "test"))
    mean = PointMean(training, sg.cases.PoissonPolygons().solver())
    assert predicted(mean, test) == pytest.approx(float(training["u"].astype("float64").mean()), rel=1e-12)
