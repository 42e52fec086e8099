"""netCDF-3 files that announce more than they hold."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from surrogate.datasets import InputError, open_dataset
from surrogate.datasets.readers.classic_header import refuse_false_header


@pytest.fixture
def path(tmp_path: Path) -> Path:
    axis = xr.Variable("x", np.arange(8.0), {"units": "m", "long_name": "position"})
    variables = {"u": (("sample", "x"), np.ones((2, 8)), {"units": "1"})}
    xr.Dataset(variables, coords={"x": axis}).to_netcdf(tmp_path / "u.nc", engine="scipy", unlimited_dims=["sample"])
    return tmp_path / "u.nc"


def test_a_whole_file_opens(path: Path) -> None:
    assert open_dataset(path)["u"].shape == (2, 8)


@pytest.mark.parametrize("name", [b"sample", b"long_name", b"position"])
def test_a_length_beyond_the_file_is_refused_before_room_is_made(path: Path, name: bytes) -> None:
    content = path.read_bytes()
    at = content.index(name) - 4  # its length lies before a name or a text
    path.write_bytes(content[:at] + b"\x7f\xff\xff\xff" + content[at + 4 :])
    tracemalloc.start()
    with pytest.raises(InputError, match=r"a whole netCDF-3 header in '.*u\.nc', got another one \(2147483647 bytes"):
        refuse_false_header(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_cut_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-64])
    with pytest.raises(InputError, match=r"a variable of 128 bytes"):
        open_dataset(path)
