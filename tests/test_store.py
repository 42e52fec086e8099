"""Files of ours: read by plain xarray, whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from surrogate.datasets import Grid, InputError, open_dataset, save_dataset
from surrogate.datasets.storage.store import file_bytes
from surrogate.datasets.storage.whole_files import whole_file


@pytest.fixture
def wave() -> xr.Dataset:
    grid = Grid(shape=(8,), extent=((-1.0, 1.0),), periodic=True)
    u = np.random.default_rng(0).normal(size=(3, 2, 8)).astype("float32")
    time = xr.Variable("time", [0.0, 0.5], {"units": "s"})
    attrs = {"equation": "u_t + u_x = 0", "seed": 7}
    variables = {
        "u": (("sample", "time", "x"), u, {"units": "m s-1", "long_name": "velocity"}),
        "viscosity": ((), 1e-3, {"units": "m2 s-1"}),
    }
    return xr.Dataset(variables, coords={"time": time, **grid.coordinates("m")}, attrs=attrs)


PLAIN = """
import sys, numpy as np, xarray as xr
fields = xr.open_dataset(sys.argv[1], engine="h5netcdf")
expected = np.load(sys.argv[2])
assert fields["u"].dims == ("sample", "time", "x") and fields["u"].dtype == np.float32
np.testing.assert_array_equal(fields["u"].values, expected["u"])
np.testing.assert_array_equal(fields["x"].values, expected["x"])
assert float(fields["viscosity"]) == 1e-3
assert fields["u"].attrs == {"units": "m s-1", "long_name": "velocity"}, fields["u"].attrs
assert fields["x"].attrs["units"] == "m" and list(fields["x"].attrs["boundary"]) == ["periodic", "periodic"]
assert fields.attrs == {"equation": "u_t + u_x = 0", "seed": 7, "Conventions": "CF-1.11 UGRID-1.0"}, fields.attrs
assert not any(name.split(".")[0] == "surrogate" for name in sys.modules)
"""


def test_plain_xarray_reads_values_and_attributes_without_us(wave: xr.Dataset, tmp_path: Path) -> None:
    save_dataset(wave, tmp_path / "wave.h5")
    np.savez(tmp_path / "expected.npz", u=wave["u"], x=wave["x"])
    command = [sys.executable, "-c", PLAIN, tmp_path / "wave.h5", tmp_path / "expected.npz"]
    subprocess.run(command, check=True, cwd=tmp_path)


def test_the_same_fields_give_the_same_bytes_whoever_looks_on(wave: xr.Dataset) -> None:
    frames: list[Any] = []  # which keep objects of h5py open
    sys.setprofile(lambda frame, event, argument: frames.append(frame))
    try:
        watched = bytes(file_bytes(wave))
    finally:
        sys.setprofile(None)
    assert watched == bytes(file_bytes(wave))


def test_our_reader_gives_back_what_was_saved(wave: xr.Dataset, tmp_path: Path) -> None:
    for suffix in (".h5", ".hdf5", ".nc"):
        save_dataset(wave, tmp_path / f"wave{suffix}")
        back = open_dataset(tmp_path / f"wave{suffix}", names={"u": "velocity"})
        xr.testing.assert_equal(back, wave.rename(u="velocity"))
        assert Grid.from_fields(back) == Grid.from_fields(wave)


def disk_full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("where", ["xarray.Dataset.dump_to_store", "os.fsync"])
@pytest.mark.parametrize("older", [False, True])
def test_a_full_disk_changes_nothing(
    wave: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, older: bool
) -> None:
    path = tmp_path / "wave.h5"
    if older:
        path.write_bytes(b"older")
    monkeypatch.setattr(where, disk_full)
    message = r"Could not write '.*wave\.h5': No space left on device\. Nothing was changed\."
    with pytest.raises(OSError, match=message) as raised:
        save_dataset(wave, path, overwrite=older)
    assert raised.value.errno == errno.ENOSPC
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == ([("wave.h5", b"older")] if older else [])


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np, xarray as xr
from surrogate.datasets import Grid, save_dataset
grid = Grid(shape=(2**18,), periodic=True)
fields = xr.Dataset({"u": (("sample", "x"), np.ones((1, 2**18)), {"units": "1"})}, coords=grid.coordinates())
resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, 2**19))
try:
    save_dataset(fields, sys.argv[1])
except OSError as error:
    assert "Could not write" in str(error) and "Nothing was changed" in str(error), str(error)
    assert "File too large" in str(error) and "\\n" not in str(error), str(error)
else:
    raise AssertionError("no error")
assert not list(Path(sys.argv[1]).parent.iterdir())
"""


def test_a_real_limit_on_the_size_of_files_changes_nothing(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", LIMITED, tmp_path / "u.h5"], check=True)


KILLED = """
import os, sys
from surrogate.datasets.storage.whole_files import whole_file
with whole_file(sys.argv[1], overwrite=True) as part:
    part.write_bytes(b"half")
    os.kill(os.getpid(), 9)
"""


def test_a_kill_in_the_middle_leaves_the_older_file_and_does_not_disturb_the_next_write(
    wave: xr.Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "wave.h5"
    save_dataset(wave, path)
    before = path.read_bytes()
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    save_dataset(wave, path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["wave.h5"]
    xr.testing.assert_equal(open_dataset(path), wave)


def test_a_disk_that_is_too_small_is_refused_before_writing(
    wave: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, wave.nbytes - 1))
    monkeypatch.setattr("xarray.Dataset.dump_to_store", lambda *_, **__: pytest.fail("written"))
    with pytest.raises(OSError, match="No space left on device"):
        save_dataset(wave, tmp_path / "wave.h5")
    assert not list(tmp_path.iterdir())


def test_an_error_that_is_not_of_the_disk_comes_through_unchanged(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^mine$"), whole_file(tmp_path / "file"):
        raise RuntimeError("mine")


def test_any_error_inside_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with whole_file(tmp_path / "file") as part:
            part.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert not list(tmp_path.iterdir())


def test_an_existing_path_is_refused_without_overwrite(wave: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "wave.h5"
    path.write_bytes(b"older")
    with pytest.raises(InputError, match=r"does not exist, got '.*wave.h5'. Choose another or pass overwrite=True"):
        save_dataset(wave, path)
    assert path.read_bytes() == b"older"
    save_dataset(wave, path, overwrite=True)
    xr.testing.assert_equal(open_dataset(path), wave)


def test_missing_folder_wrong_suffix_and_wrong_fields_are_refused_before_writing(
    wave: xr.Dataset, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="an existing folder"):
        save_dataset(wave, tmp_path / "missing" / "wave.h5")
    with pytest.raises(InputError, match=r"ends in \.h5, \.hdf5, \.nc"):
        save_dataset(wave, tmp_path / "wave.txt")
    with pytest.raises(InputError, match="finite values in 'u'"):
        save_dataset(wave.where(wave["x"] > 0, np.nan), tmp_path / "wave.h5")
    assert not list(tmp_path.iterdir())
