"""Standardization: statistics of the training part, in double precision, and nothing else."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
import xarray as xr

from surrogate.datasets import InputError, Normalizer, OutsideTrainingRange


def fields(**values: np.ndarray) -> xr.Dataset:
    return xr.Dataset({name: (("sample", "x"), array, {"units": "1"}) for name, array in values.items()})


def test_statistics_are_those_of_numpy_for_each_field() -> None:
    rng = np.random.default_rng(0)
    u, v = rng.normal(3, 2, size=(50, 8)), rng.uniform(-1, 5, size=(50, 8))
    normalizer = Normalizer(["v", "u"]).double().fit(fields(u=u, v=v))
    for channel, array in enumerate((v, u)):
        statistics = [getattr(normalizer, name)[channel].item() for name in ("mean", "std", "low", "high")]
        assert statistics == pytest.approx([array.mean(), array.std(), array.min(), array.max()], rel=1e-12)


def test_a_large_mean_does_not_hide_a_small_variance() -> None:
    noise = np.random.default_rng(0).normal(size=(1000, 64))
    data = (1e3 + noise).astype("float32")
    normalizer = Normalizer(["u"]).fit(fields(u=data))
    exact = data.astype("float64")
    assert normalizer.mean.item() == pytest.approx(exact.mean(), rel=1e-7)  # the rounding of the stored number
    assert normalizer.std.item() == pytest.approx(exact.std(), rel=1e-7)
    double = Normalizer(["u"]).double().fit(fields(u=1e6 + 1e-3 * noise))
    normal = double.normalize(torch.tensor(1e6 + 1e-3 * noise)[:, None])
    assert abs(normal.mean().item()) < 3e-7  # 2^-52 of 1e6, over 1e-3
    assert normal.std(correction=0).item() == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_a_constant_field_is_shifted_only(value: float) -> None:
    data = np.full(
        (1000, 7), value
    )  # the mean of 7000 times 0.1 is not 0.1, nor their deviation 0, in double precision
    normalizer = Normalizer(["u"]).fit(fields(u=data))
    assert normalizer.std.item() == 1
    assert normalizer.normalize(torch.full((1, 1, 7), value)).abs().max() <= abs(value) * 1e-7


def test_denormalize_is_the_inverse() -> None:
    data = np.random.default_rng(0).normal(5, 3, size=(20, 8))
    normalizer = Normalizer(["u", "v"]).double().fit(fields(u=data, v=100 * data))
    x = torch.randn(4, 2, 8, dtype=torch.float64)
    torch.testing.assert_close(normalizer.denormalize(normalizer.normalize(x)), x, rtol=1e-12, atol=1e-11)


def test_stacked_frames_use_the_statistics_of_their_field() -> None:
    u = np.random.default_rng(0).normal(1, 2, size=(20, 8))
    v = np.random.default_rng(1).normal(10, 5, size=(20, 8))
    normalizer = Normalizer(["u", "v"]).fit(fields(u=u, v=v))
    frames = torch.randn(3, 2, 2, 8)  # sample, frame, field, x
    stacked = normalizer.normalize(frames.flatten(1, 2))
    for frame in range(2):
        torch.testing.assert_close(stacked[:, 2 * frame : 2 * frame + 2], normalizer.normalize(frames[:, frame]))
    assert not torch.allclose(stacked[:, 0], stacked[:, 1])


def test_parameters_are_columns() -> None:
    data = xr.Dataset({"re": ("sample", [100.0, 300.0])})
    normalizer = Normalizer(["re"]).fit(data)
    assert normalizer.normalize(torch.tensor([[100.0], [200.0]])).tolist() == [[-1.0], [0.0]]


def test_leaving_the_training_range_warns_with_name_and_range() -> None:
    data = np.linspace(0, 10, 20).reshape(4, 5)
    normalizer = Normalizer(["u", "v"]).fit(fields(u=data, v=10 * data))
    inside = torch.stack([torch.linspace(-0.09, 10.09, 5), torch.linspace(0, 100, 5)])[None]
    with warnings.catch_warnings(action="error"):
        normalizer.warn_outside(inside)  # within 1 % of the range
    for value in (-0.2, 10.2):
        outside = inside.clone()
        outside[0, 0, 2] = value
        with pytest.warns(OutsideTrainingRange, match=r"'u' leaves the training range \[0, 10\]") as caught:
            normalizer.warn_outside(torch.cat([inside, outside]).repeat(1, 2, 1))  # two frames
        assert len(caught) == 1


def test_statistics_of_each_point_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    profile = 100 * np.linspace(0, 1, 6)[:, None] + np.arange(4)
    u = profile + rng.normal(size=(9, 5, 6, 4)) * (1 + np.arange(6))[:, None]
    u[:, :, 0] = 7.0  # a Dirichlet side
    v = rng.normal(size=(9, 6, 4))
    data = xr.Dataset({"u": (("sample", "time", "x", "y"), u), "v": (("sample", "x", "y"), v)})
    normalizer = Normalizer(["v", "u"], shape=(6, 4)).double().fit(data)
    np.testing.assert_allclose(normalizer.mean[1], u.mean((0, 1)), rtol=1e-13)
    np.testing.assert_allclose(normalizer.mean[0], v.mean(0), rtol=1e-12, atol=1e-15)
    std = u.std((0, 1))
    std[0] = np.sqrt((std**2).mean())
    np.testing.assert_allclose(normalizer.std[1], std, rtol=1e-12)
    assert normalizer.low.tolist() == [v.min(), u.min()]
    x = torch.tensor(u[:, :2]).reshape(9, 2, 6, 4)
    both = torch.stack([torch.tensor(v), x[:, 0], torch.tensor(v), x[:, 1]], dim=1)  # two frames
    normal = normalizer.normalize(both)
    np.testing.assert_allclose(normal[:, 3], (u[:, 1] - u.mean((0, 1))) / std, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(normalizer.denormalize(normal), both, rtol=1e-13, atol=1e-12)
    with pytest.raises(InputError, match=r"fields on \(6, 4\) points, each with its own mean, got \(12, 8\)"):
        normalizer.normalize(torch.zeros(1, 2, 12, 8, dtype=torch.float64))


def test_a_field_that_is_constant_everywhere_is_shifted_only_at_each_point() -> None:
    normalizer = Normalizer(["u"], shape=(7,)).fit(fields(u=np.full((5, 7), 0.1)))
    assert normalizer.std.tolist() == [[1.0] * 7]
