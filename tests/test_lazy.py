"""Arrays in HDF5 files: any selection equals that of numpy, and nothing else is read."""

from __future__ import annotations

import pickle
import resource
import time
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from surrogate.datasets import InputError
from surrogate.datasets.readers.hdf5 import dataset_in
from surrogate.datasets.readers.lazy import JoinedArray, StoredArray, lazy_dataset

VALUES = np.random.default_rng(0).normal(size=(5, 4, 7, 6, 2)).astype(np.float32)  # sample, time, y, x, component
AXES = ("sample", "time", "y", "x", 1)
ORDERED = VALUES[..., 1].transpose(0, 1, 3, 2)
KEYS = [3, -1, slice(None), slice(1, None, 2), slice(None, None, -1), [3, 0, 0, 2], slice(2, 2)]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["u"] = VALUES
        for sample in range(5):
            file[f"{sample}/u"] = VALUES[sample]
    return tmp_path / "data.h5"


def array(path: Path, name: str = "u", axes: tuple[str | int, ...] = AXES) -> StoredArray:
    with h5py.File(path) as file:
        return StoredArray(dataset_in(file, name), axes)


def stacked(path: Path) -> JoinedArray:
    return JoinedArray([array(path, f"{sample}/u", AXES[1:]) for sample in range(5)], "sample")


def joined(path: Path) -> JoinedArray:
    with h5py.File(path, "r+") as file:
        for number, rows in enumerate((slice(0, 2), slice(2, 3), slice(3, 5))):
            file[f"part{number}"] = VALUES[rows]
    return JoinedArray([array(path, f"part{number}") for number in range(3)], "sample")


@pytest.mark.parametrize("make", [array, stacked, joined])
def test_every_selection_is_that_of_numpy(stored: Path, make: object) -> None:
    assert callable(make)
    variable = make(stored).variable({"units": "1"})
    assert variable.dims == ("sample", "time", "x", "y")
    np.testing.assert_array_equal(variable.values, ORDERED)
    there = xr.Variable(variable.dims, ORDERED)
    for first, second in product(KEYS, KEYS):
        for dims in (("sample", "time"), ("sample", "y"), ("time", "x"), ("y", "x")):
            chosen = dict(zip(dims, (first, second), strict=True))
            xr.testing.assert_equal(variable.isel(chosen), there.isel(chosen))
    again = pickle.loads(pickle.dumps(variable))
    np.testing.assert_array_equal(again.values, ORDERED)


def test_types_become_those_of_the_convention(tmp_path: Path) -> None:
    kinds = {"<f4": "f4", ">f8": "f8", "f2": "f4", "i4": "f4", "?": "f4"}
    with h5py.File(tmp_path / "types.h5", "w") as file:
        for kind in kinds:
            file[kind.strip("<>")] = np.array([0, 1, 0], dtype=kind)
    for kind, ours in kinds.items():
        values = array(tmp_path / "types.h5", kind.strip("<>"), ("x",)).variable({}).values
        assert values.dtype == np.dtype(ours)
        assert values.tolist() == [0, 1, 0]


def test_what_is_no_array_of_numbers_is_refused(stored: Path, tmp_path: Path) -> None:
    with h5py.File(stored, "r+") as file:
        file["text"] = "word"
        file["complex"] = np.ones(3, complex)
        file["empty"] = np.ones((0, 3))
        file["elsewhere"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "u")
        file.create_dataset("huge", dtype="f4", shape=(1 << 20, 1 << 20), chunks=(1024, 1024), compression="gzip")
        file.create_dataset("never", dtype="f4", shape=(64, 64), chunks=(8, 8))
    stored.with_name("other.h5").write_bytes(stored.read_bytes())
    wrong = {
        "v": "a dataset 'v' of '.*data.h5', got none",
        "0": "a dataset '0' .* got a group",
        "text": "real numbers in 'text'",
        "complex": "real numbers in 'complex'",
        "empty": r"not empty in 'empty' .* shape \(0, 3\)",
        "elsewhere": "a dataset 'elsewhere' of .*, got a link to another file",
        "huge": "all numbers of 'huge' .* never written",
        "never": "all numbers of 'never' .* never written",
    }
    for name, words in wrong.items():
        with pytest.raises(InputError, match=words):
            array(stored, name)
    with pytest.raises(InputError, match=r"'u' of .* over \(sample, x\), got shape"):
        array(stored, "u", ("sample", "x"))
    with pytest.raises(InputError, match="component 2 in 'u'"):
        array(stored, "u", (*AXES[:-1], 2))
    with pytest.raises(InputError, match=r"'1/u' of .* like the first, .* got"):
        JoinedArray([array(stored, "0/u", AXES[1:]), array(stored, "1/u", ("time", "x", "y", 0))], "sample")


def test_a_hundred_gigabytes_open_at_once_and_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    path, shape = tmp_path / "sparse.h5", (25_000, 1000, 1000)
    create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    create.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    create.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(shape)
        h5py.Dataset(h5py.h5d.create(file.id, b"u", h5py.h5t.IEEE_F32LE, space, create))[7, 5] = np.arange(1000)
    assert path.stat().st_size > 100e9 > 1e9 > path.stat().st_blocks * 512  # it takes no room
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    variable = array(path, "u", ("sample", "time", "x")).variable({})
    row = variable.isel(sample=7, time=5).values
    assert time.perf_counter() - start < 1  # the promise; it takes milliseconds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50e3  # kilobytes
    np.testing.assert_array_equal(row, np.arange(1000))


def test_a_file_that_was_damaged_since_is_named(stored: Path) -> None:
    variable = array(stored).variable({})
    stored.write_bytes(stored.read_bytes()[:500])
    with pytest.raises(InputError, match=r"readable numbers in 'u' of '.*data.h5'"):
        variable.load()


def test_files_are_closed_with_the_fields_or_after_an_error(stored: Path) -> None:
    first = array(stored)
    fields = lazy_dataset({"u": first}, {"u": {"units": "1"}}, {}, {}, "data.h5")
    assert array(stored).file is first.file
    again = pickle.loads(pickle.dumps(fields))
    for _ in range(2):
        np.testing.assert_array_equal(fields["u"][0], ORDERED[0])
        fields.close()
        again.close()
        with h5py.File(stored, "r+") as file:  # refused while it is open
            file.attrs["changed"] = True
        fields.set_close(first.close)
