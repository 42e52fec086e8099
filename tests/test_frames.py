"""Frames of a rollout, in a file that grows or in memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from torch import Tensor

from members.decay import GRID, Broken, Decay, random_start
from surrogate import Grid, InputError, NumericalFailure, rollout


@pytest.fixture
def start(as_fields: Callable[..., xr.Dataset]) -> xr.Dataset:
    return random_start(as_fields)


PLAIN = """
import sys, numpy as np, xarray as xr
fields = xr.open_dataset(sys.argv[1], engine="h5netcdf")
np.testing.assert_array_equal(fields["v"].values, np.load(sys.argv[2]))
assert fields["v"].attrs["units"] == "kg" and fields["time"].attrs["units"] == "s"
assert fields.attrs["operator"] == "Decay" and fields.attrs["Conventions"].startswith("CF")
assert "surrogate" not in sys.modules
"""


def test_streaming_gives_the_bits_of_memory_in_a_file_that_plain_xarray_reads(
    start: xr.Dataset, tmp_path: Path
) -> None:
    memory = rollout(Decay(2), start, steps=9, every=2)
    for batch_size in (None, 3):
        path = tmp_path / f"result_{batch_size}.h5"
        streamed = rollout(Decay(2), start, steps=9, every=2, path=path, batch_size=batch_size)
        xr.testing.assert_equal(streamed.drop_vars("sample"), memory)
        assert streamed["u"].dtype == memory["u"].dtype
        streamed.close()
        assert Grid.from_fields(rollout(Decay(), streamed, steps=1)) == GRID  # and goes on from it
    np.save(tmp_path / "v.npy", memory["v"])
    subprocess.run([sys.executable, "-c", PLAIN, path, tmp_path / "v.npy"], check=True, cwd=tmp_path)


def test_an_existing_path_or_wrong_suffix_is_refused_before_computing(start: xr.Dataset, tmp_path: Path) -> None:
    class Never(Decay):
        def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
            raise AssertionError("computed")

    path = tmp_path / "result.h5"
    path.write_bytes(b"older")
    with pytest.raises(InputError, match="an output path that does not exist"):
        rollout(Never(), start, steps=3, path=path)
    with pytest.raises(InputError, match=r"ends in \.h5"):
        rollout(Never(), start, steps=3, path=tmp_path / "result.zarr")
    assert path.read_bytes() == b"older"
    assert len(rollout(Decay(), start, steps=3, path=path, overwrite=True)["time"]) == 3


def test_a_failure_in_the_middle_leaves_no_file(start: xr.Dataset, tmp_path: Path) -> None:
    start["u"].values[5, 0] = 1000.0
    with pytest.raises(NumericalFailure, match="step 3"):
        rollout(Broken(3), start, steps=8, batch_size=2, path=tmp_path / "result.h5")
    assert not list(tmp_path.iterdir())


def test_a_result_that_does_not_fit_in_memory_is_refused_with_the_cure(
    start: xr.Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(InputError, match=r"fits in memory, got .* GiB free. Pass path='result.h5'"):
        rollout(Decay(), start, steps=3)
    assert rollout(Decay(), start, steps=3, path=tmp_path / "result.h5").sizes["time"] == 3
