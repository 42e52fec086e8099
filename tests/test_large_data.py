"""Files that are, or claim to be, larger than memory: opened at once, copied and checked in flat memory."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from surrogate.datasets import Grid, InputError, open_dataset, save_dataset
from surrogate.datasets.fields import check
from surrogate.datasets.storage import blocks as blocks_module
from surrogate.datasets.storage import finite as finite_module

rng = np.random.default_rng(0)


def fields_of(values: np.ndarray) -> xr.Dataset:
    grid = Grid(shape=values.shape[2:], periodic=True)
    time = xr.Variable("time", np.arange(float(values.shape[1])), {"units": "s"})
    variables = {"u": (("sample", "time", *grid.names), values, {"units": "m", "long_name": "height"})}
    return xr.Dataset(variables, coords={"time": time, **grid.coordinates()}, attrs={"equation": "u_t = 0"})


def claim(path: Path, shape: tuple[int, ...], **storage: object) -> Path:
    """Write a file with a field of such a shape and no values."""
    small = fields_of(np.broadcast_to(np.float32(0), (1, *shape[1:])))
    small.drop_vars("u").to_netcdf(path, engine="h5netcdf")
    with h5py.File(path, "r+") as file:
        count = file.create_dataset("sample", (shape[0],), "f4")
        count.make_scale(f"This is a netCDF dimension but not a netCDF variable. {shape[0]:10d}")
        u = file.create_dataset("u", shape, "f4", **storage)
        for axis, name in enumerate(("sample", "time", "x", "y")[: len(shape)]):
            u.dims[axis].attach_scale(file[name])
        u.attrs["units"] = "1"
    return path


MEASURED = """
import json, resource, sys, time
import numpy as np
from surrogate.datasets import InputError, open_dataset, prepare, save_dataset
from surrogate.datasets.fields import check

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

task, path = sys.argv[1:]
open_dataset(sys.argv[2].replace(".h5", "_small.h5"))  # imports everything
before, began, said = peak(), time.perf_counter(), ""
try:
    fields = open_dataset(path)
    if task == "check":
        check(fields)
    if task == "save":
        save_dataset(fields, path + "_copy.h5")
except InputError as error:
    said = str(error)
print(json.dumps({"grown": peak() - before, "seconds": time.perf_counter() - began, "said": said}))
"""


def measured(task: str, path: Path) -> dict:
    save_dataset(fields_of(np.zeros((1, 2, 4), np.float32)), path.with_name(path.stem + "_small.h5"))
    command = [sys.executable, "-c", MEASURED, task, path]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_dataset_of_100_gb_opens_in_no_time(tmp_path: Path) -> None:
    path = claim(tmp_path / "u.h5", (2**14, 100, 128, 128))
    found = measured("open", path)
    assert found["said"] == ""
    assert found["seconds"] < 1
    assert found["grown"] < 2**24


HUGE = {
    "one huge sample, never written": ((1, 2, 2**12, 2**14), {}),
    "pieces that are not there": ((4, 50, 2**9, 2**10), {"chunks": (1, 5, 2**9, 2**10)}),
    "packed zeros": ((1, 40, 2**10, 2**10), {"chunks": (1, 10, 2**10, 2**10), "compression": "gzip"}),
}


@pytest.mark.parametrize(("shape", "storage"), HUGE.values(), ids=HUGE)
def test_half_a_gigabyte_is_checked_in_little_memory(tmp_path: Path, shape: tuple[int, ...], storage: dict) -> None:
    path = claim(tmp_path / "u.h5", shape, **storage)
    if "compression" in storage:
        with h5py.File(path, "r+") as file:
            pieces = file["u"].chunks
            packed = zlib.compress(bytes(4 * int(np.prod(pieces))))
            for frame in range(0, shape[1], pieces[1]):
                file["u"].id.write_direct_chunk((0, frame, 0, 0), packed)
    found = measured("check", path)
    assert found["said"] == ""
    assert found["grown"] < 2**28 // 2


def test_a_packed_piece_of_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    path = claim(tmp_path / "u.h5", (1, 2, 8, 8), maxshape=(None,) * 4, chunks=(1, 4, 2**13, 2**13), compression=9)
    with h5py.File(path, "r+") as file:  # four bytes that say they were a gigabyte
        file["u"].id.write_direct_chunk((0, 0, 0, 0), b"\x78\x9c\x03\x00")
    found = measured("check", path)  # it opens, too
    assert "chunks of at most 128 MiB in 'u' to check, got 1024 MiB" in found["said"]
    assert found["grown"] < 2**26


def test_an_axis_of_gigabytes_is_refused(tmp_path: Path) -> None:
    path = claim(tmp_path / "u.h5", (4, 2, 8))
    with h5py.File(path, "r+") as file:
        del file["time"]
        file.create_dataset("time", (2**32,), "f8").make_scale("time")
    found = measured("open", path)
    assert "at most 64 MiB of coordinates on axis 'time'" in found["said"]
    assert found["grown"] < 2**26


def test_counts_of_gigabytes_are_refused(tmp_path: Path) -> None:
    path = claim(tmp_path / "u.h5", (2**32, 2, 8))
    with h5py.File(path, "r+") as file:
        counted = file.create_dataset("node_count", (2**32,), "i8")
        counted.dims[0].attach_scale(file["sample"])
        counted.attrs["sample_dimension"] = "node"
    found = measured("open", path)
    assert "at most 64 MiB of counts in 'node_count'" in found["said"]
    assert found["grown"] < 2**26


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few numbers be many blocks, and all files large."""
    monkeypatch.setattr(blocks_module.read_blocks, "__kwdefaults__", {"size": 256, "in_order": False})
    monkeypatch.setattr(finite_module, "BLOCK", 256)
    monkeypatch.setattr(finite_module, "SMALL", 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_found_where_it_is_read_first(
    tmp_path: Path, small_blocks: None, bad: float
) -> None:
    values = rng.normal(size=(6, 5, 8, 7))
    values[3, 2, 5, 4] = values[3, 4, 7, 6] = values[5, 0, 0, 0] = bad
    plain = fields_of(values)
    plain.to_netcdf(tmp_path / "bad.h5", engine="h5netcdf", encoding={"u": {"_FillValue": None}})
    opened = open_dataset(tmp_path / "bad.h5")  # too large to look at
    message = r"finite values in 'u', got 2 that are not in sample 3, the first at {'time': 2, 'x': 5, 'y': 4}"
    for look in (
        lambda: check(opened),
        lambda: check(plain),
        lambda: check(plain, values=None),
        lambda: save_dataset(opened, tmp_path / "copy.h5"),
    ):
        with pytest.raises(InputError, match=message):
            look()
    assert [file.name for file in tmp_path.iterdir()] == ["bad.h5"]


def test_a_copy_from_file_to_file_is_the_copy_from_memory(tmp_path: Path, small_blocks: None) -> None:
    fields = fields_of(rng.normal(size=(6, 5, 8, 7)).astype(np.float32))
    fields["re"] = ("sample", rng.normal(size=6), {"units": "1"})
    fields["viscosity"] = ((), 0.5, {"units": "1"})
    save_dataset(fields, tmp_path / "a.h5")
    opened = open_dataset(tmp_path / "a.h5").isel(sample=[0, 1, 4])
    save_dataset(opened, tmp_path / "b.h5")
    save_dataset(fields.isel(sample=[0, 1, 4]), tmp_path / "c.h5")
    assert not opened["u"].variable._in_memory
    with xr.open_dataset(tmp_path / "b.h5", engine="h5netcdf") as copied:
        with xr.open_dataset(tmp_path / "c.h5", engine="h5netcdf") as direct:
            xr.testing.assert_identical(copied, direct)
            assert copied["u"].encoding["dtype"] == direct["u"].encoding["dtype"]
        xr.testing.assert_identical(copied, fields.isel(sample=[0, 1, 4]).assign_attrs(copied.attrs))
    with h5py.File(tmp_path / "b.h5") as file:
        assert file["u"].chunks is None


def test_saving_from_a_file_takes_little_memory(tmp_path: Path) -> None:
    path = claim(tmp_path / "u.h5", (4, 20, 2**10, 2**10))
    found = measured("save", path)
    assert found["grown"] < 2**26
    with h5py.File(str(path) + "_copy.h5") as file:
        assert file["u"].shape == (4, 20, 2**10, 2**10)
