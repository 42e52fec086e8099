"""Rollouts on a device: how often the host waits, and what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from members.decay import DT, Broken, Decay, exact, random_start, stacked
from surrogate import Grid, InputError, NumericalFailure, rollout
from surrogate.solvers import Burgers

AsFields = Callable[..., xr.Dataset]


@pytest.fixture
def start(as_fields: AsFields) -> xr.Dataset:
    return random_start(as_fields)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_absent_cuda_is_refused_and_leaves_no_file(start: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a CUDA device"):
        rollout(Decay(), start, steps=1, device="cuda", path=tmp_path / "result.h5")
    assert not list(tmp_path.iterdir())


def test_the_host_waits_for_the_device_once_for_a_chunk_not_at_each_step(
    as_fields: AsFields, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = 0
    for name in ("__bool__", "__int__", "__float__", "item", "tolist", "nonzero", "cpu", "numpy"):
        original = getattr(Tensor, name)

        def counted(*arguments: Any, read: Callable[..., Any] = original) -> Any:
            nonlocal waits
            waits += 1
            return read(*arguments)

        monkeypatch.setattr(Tensor, name, counted)
    solver = Burgers(Grid((16,), periodic=True), viscosity=0.1, dt=0.001)
    waves = np.sin(2 * np.pi * solver.domain.coordinates()["x"].values) * np.arange(1, 4)[:, None]
    fields = as_fields(solver.domain, {"u": ("sample x", waves)})
    counts = []
    for steps in (1, 5, 50):
        waits = 0
        rollout(solver, fields, steps=steps)
        counts.append(waits)
    assert counts[0] == counts[1] == counts[2] > 0


def test_a_stop_is_the_same_whenever_the_host_looks(start: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    start["u"].values[5, 0] = 1000.0
    for frames in (1, 2, 64):
        monkeypatch.setattr("surrogate.march.CHUNK_FRAMES", frames)
        with pytest.raises(NumericalFailure, match=rf"step 3 \(time {1 + 3 * DT:g}\), sample 5, field 'v'"):
            rollout(Broken(3), start, steps=20)


def test_a_batch_that_does_not_fit_on_the_device_is_halved(start: xr.Dataset, tmp_path: Path) -> None:
    sizes = []

    class Large(Decay):
        def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
            carry, new = super().step(carry, forcing)
            sizes.append(len(new))
            if len(new) > 2 and len(sizes) > 2:  # in the middle
                raise torch.cuda.OutOfMemoryError("no room")
            return carry, new

    memory = rollout(Large(), start, steps=5)
    np.testing.assert_allclose(stacked(memory), exact(start, np.arange(1, 6)), rtol=1e-13)
    assert sizes == [7] * 3 + [3] + [1] * 7 * 5
    sizes.clear()
    xr.testing.assert_equal(rollout(Large(), start, steps=5, path=tmp_path / "u.h5").drop_vars("sample"), memory)

    class Hopeless(Decay):
        def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
            raise torch.cuda.OutOfMemoryError("no room")

    with pytest.raises(torch.cuda.OutOfMemoryError, match="no room"):
        rollout(Hopeless(), start, steps=5)


@pytest.mark.slow
def test_a_compiled_step_gives_the_same_solution(start: xr.Dataset) -> None:
    xr.testing.assert_allclose(rollout(Decay(2), start, steps=9, compile=True), rollout(Decay(2), start, steps=9))


@pytest.mark.gpu
@pytest.mark.parametrize("compile", [False, True])
def test_the_host_never_waits_between_steps_on_a_gpu(start: xr.Dataset, compile: bool) -> None:
    class Strict(Decay):
        """Forbids to wait from its second step on."""

        def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
            torch.cuda.set_sync_debug_mode("error")
            return super().step(carry, forcing)

    here = rollout(Decay(), start, steps=50)
    try:
        there = rollout(Decay() if compile else Strict(), start, steps=50, device="cuda", compile=compile)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    xr.testing.assert_allclose(there, here, rtol=1e-13)


@pytest.mark.gpu
def test_the_device_does_not_change_the_result(start: xr.Dataset) -> None:
    here, there = rollout(Decay(), start, steps=9), rollout(Decay(), start, steps=9, device="cuda")
    xr.testing.assert_allclose(there, here, rtol=1e-13)
