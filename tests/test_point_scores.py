"""Errors on meshes against integrals that are known, or summed sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.datasets import InputError, Mesh, select_samples
from surrogate.evaluation.point_scores import PointTarget


def test_means_are_integrals() -> None:
    """On a square of one fine and one coarse half, nodes do not count the same: u = x has mean square 1/3."""
    x = np.concatenate([np.linspace(0, 0.5, 41), np.linspace(0.5, 1, 3)[1:]])
    columns = len(x)
    points = np.stack(np.meshgrid(x, [0.0, 1.0], indexing="ij"), axis=-1).reshape(-1, 2)
    quads = [[2 * i, 2 * i + 2, 2 * i + 3, 2 * i + 1] for i in range(columns - 1)]
    mesh = Mesh(points, {"quad": quads})
    truth = xr.Dataset({"u": (("sample", "node"), points[None, :, 0], {"units": "1"})}, mesh.coordinates())
    scores = PointTarget.from_fields(truth, ("u",), "node").score(truth + 0.1)
    rms = np.sqrt(mesh.quadrature_weights @ points[:, 0] ** 2)
    assert rms == pytest.approx(np.sqrt(1 / 3), rel=0.02)
    assert float(scores["error"][0]) == pytest.approx(0.1 / rms, rel=1e-12)
    assert float(scores["max_error"][0, 0, 0]) == pytest.approx(0.1, rel=1e-12)
    assert float(scores["correlation"][0, 0, 0]) == pytest.approx(1, rel=1e-12)
    assert float(scores["vrmse"][0, 0, 0]) == pytest.approx(0.1 / np.sqrt(rms**2 - 0.25), rel=1e-12)


def test_errors_of_a_batch_are_those_of_each_sample(polygons: xr.DataTree) -> None:
    truth = polygons["test"].to_dataset()[["u"]].assign_coords(polygons["test"].to_dataset().coords)
    rng = np.random.default_rng(0)
    other = truth.assign(u=truth["u"] + 0.1 * rng.normal(size=truth["u"].shape).astype(np.float32))
    together = PointTarget.from_fields(truth, ("u",), "node").score(other)
    size = []
    for sample in range(5):
        t, p = (select_samples(fields, [sample]) for fields in (truth, other))
        w = Mesh.from_fields(t).quadrature_weights
        a, b = p["u"].values.astype(float), t["u"].values.astype(float)
        square, size_b = w @ (a - b) ** 2 / w.sum(), w @ b**2 / w.sum()
        size.append(size_b)
        mean_a, mean_b = (w @ values / w.sum() for values in (a, b))
        covariance = w @ ((a - mean_a) * (b - mean_b))
        expected = {
            "error": np.sqrt(square / size_b),
            "max_error": np.abs(a - b).max(),
            "vrmse": np.sqrt(square / (w @ (b - mean_b) ** 2 / w.sum())),
            "boundary_error": np.sqrt(np.mean((a - b)[Mesh.from_fields(t).boundary_points] ** 2)),
            "correlation": covariance / np.sqrt((w @ (a - mean_a) ** 2) * (w @ (b - mean_b) ** 2)),
        }
        for name, value in expected.items():
            assert float(together[name][sample].squeeze()) == pytest.approx(value, rel=1e-9), name
        assert float(sg.relative_error(p, t)[0]) == pytest.approx(expected["error"], rel=1e-9)
    absolute = (together["relative_l2"].values * np.sqrt(size)[:, None, None]) / np.sqrt(np.mean(size))
    np.testing.assert_allclose(together["nrmse"].values, absolute, rtol=1e-9)


def test_what_is_not_finite_is_infinitely_wrong(polygons: xr.DataTree) -> None:
    truth = polygons["test"].to_dataset()
    target = PointTarget.from_fields(truth, ("u",), "node")
    values = truth["u"].values.copy()
    values[int(truth["node_count"][0]) + 3] = np.nan
    scores = target.score(truth.assign(u=truth["u"].copy(data=values)))
    assert scores["error"].values.tolist() == [0, np.inf, 0, 0, 0]
    assert scores["finite_frames"].values.tolist() == [1, 0, 1, 1, 1]
    assert scores["correlation"].values.ravel().tolist() == [1, 0, 1, 1, 1]
    broken = PointTarget.from_fields(truth.assign(u=truth["u"].copy(data=values)), ("u",), "node")
    with pytest.raises(InputError, match="Expected a finite target"):
        broken.score(truth)


def test_other_meshes_are_not_compared(polygons: xr.DataTree) -> None:
    test = polygons["test"].to_dataset()[["u"]].assign_coords(polygons["test"].to_dataset().coords)
    with pytest.raises(InputError, match="truth at the points of the prediction"):
        sg.relative_error(test, test.assign_coords(x=test["x"] + 1))
    with pytest.raises(InputError, match="truth at the points of the prediction"):
        sg.relative_error(test, select_samples(test, [1, 0, 2, 3, 4]))
