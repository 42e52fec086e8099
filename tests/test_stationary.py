"""Statistics of steady flow against a process whose statistics are known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.datasets import InputError
from surrogate.evaluation import flow_statistics


def flow(samples: int, times: int, shape: tuple[int, int], *, memory: float = 0.0) -> xr.Dataset:
    """Return u = y + a, v = -0.5 a + b with autoregressive a and b of variance 1, equal along x."""
    rng, grid = np.random.default_rng(0), sg.Grid(shape, extent=(1.0, 2.0), boundary=(("periodic",) * 2, ("wall",) * 2))
    noise = rng.standard_normal((2, times, samples, shape[1]))
    process = np.empty_like(noise)
    process[:, 0] = noise[:, 0]
    for step in range(1, times):
        process[:, step] = memory * process[:, step - 1] + np.sqrt(1 - memory**2) * noise[:, step]
    a, b = np.moveaxis(process, 1, 2)
    wide = np.ones((1, 1, shape[0], 1))
    values = {"u": grid.axes[1] + a[:, :, None] * wide, "v": (b - 0.5 * a)[:, :, None] * wide}
    coords = {"time": ("time", np.arange(float(times)), {"units": "s"}), **grid.coordinates()}
    return xr.Dataset({k: (("sample", "time", "x", "y"), v, {"units": "m/s"}) for k, v in values.items()}, coords)


def test_profiles_fluctuations_and_stress() -> None:
    found = flow_statistics(flow(4, 2000, (3, 5)), ["u", "v"], along=["x"])
    assert found["mean"].dims == ("field", "y")
    for name, truth in {
        "mean": [found["y"].values, np.zeros(5)],
        "rms": [np.ones(5), np.full(5, np.sqrt(1.25))],
        "stress": [np.full(5, -0.5)],
    }.items():
        assert (np.abs(found[name] - truth) < 5 * found[f"{name}_error"]).all()
    # 8000 independent values: 1 / sqrt(8000), known from ten batches to a relative 1 / sqrt(18), of fifty points less
    assert float(found["mean_error"].sel(field="u").mean()) == pytest.approx(8000**-0.5, rel=0.4)
    assert float(found["rms_error"].sel(field="u").mean()) == pytest.approx(16000**-0.5, rel=0.4)


def test_errors_know_that_neighboring_frames_are_alike() -> None:
    """An autoregression with coefficient r: the mean has (1 + r) / (1 - r) times the variance of independent frames."""
    times, memory = 4000, 0.9
    found = flow_statistics(flow(1, times, (2, 64), memory=memory), ["u"], along=["x"])
    true = np.sqrt((1 + memory) / (1 - memory) / times)
    naive = np.sqrt(1 / times)
    # 64 independent estimates, each with nine degrees of freedom: relative deviation 0.24 / 8; batches of 400 frames,
    # 21 correlation times long, leave 5 %
    assert float(np.sqrt((found["mean_error"] ** 2).mean())) == pytest.approx(true, rel=0.15)
    assert true > 4 * naive


def test_the_transient_is_not_stretched_over_batches() -> None:
    """Frames that do not fill a batch are left out at the start."""
    fields = flow(1, 23, (2, 4))
    fields["u"][:, :3] = 1e6
    assert float(abs(flow_statistics(fields, ["u"], along=["x"])["mean"]).max()) < 10


def test_means_along_a_stretched_axis_are_integrals() -> None:
    grid = sg.Grid((9,), stretching=("chebyshev",))
    values = np.broadcast_to(grid.axes[0] ** 2, (1, 4, 9))
    coords = {"time": ("time", np.arange(4.0), {"units": "s"}), **grid.coordinates()}
    fields = xr.Dataset({"u": (("sample", "time", "x"), values, {"units": "1"})}, coords)
    found = flow_statistics(fields, ["u"], along=["x"], batches=2)
    assert found["mean"].item() == pytest.approx(1 / 3, rel=1e-13)
    assert found["rms"].item() == pytest.approx(np.sqrt(1 / 5 - 1 / 9), rel=1e-13)


def test_bad_input() -> None:
    fields = flow(1, 8, (2, 4))
    with pytest.raises(InputError, match="at least two batches and a frame for each, got 10 of 8 frames"):
        flow_statistics(fields, ["u"], along=["x"])
    with pytest.raises(InputError, match=r"axes out of \('x', 'y'\), got \['z'\]"):
        flow_statistics(fields, ["u"], along=["z"], batches=2)
    with pytest.raises(InputError, match="fields over 'sample' and 'time'"):
        flow_statistics(fields.isel(time=0, drop=True), ["u"], along=["x"], batches=2)
    fields["u"][0, 3] = np.nan
    with pytest.raises(InputError, match="finite values in 'u'"):
        flow_statistics(fields, ["u"], along=["x"], batches=2)
