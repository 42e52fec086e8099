"""Boxes tile arrays; lazy variables are read straight from the file, and as xarray reads them."""

from __future__ import annotations

import itertools
import math
import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from surrogate.datasets import Grid, InputError, save_dataset
from surrogate.datasets.storage.blocks import boxes, read_blocks, stored_chunks
from surrogate.datasets.storage.hdf5_array import HDF5Array
from surrogate.datasets.storage.store import read_store
from surrogate.datasets.storage.stored import BoxReader, is_lazy

rng = np.random.default_rng(0)
U = rng.normal(size=(9, 6, 5, 4)).astype(np.float32)


@pytest.fixture
def stored(tmp_path: Path) -> xr.Dataset:
    fields = xr.Dataset(
        {"u": (("sample", "time", "x", "y"), U, {"units": "1"}), "re": ("sample", U[:, 0, 0, 0], {"units": "1"})},
        coords={"time": ("time", np.arange(6.0), {"units": "1"}), **Grid(shape=(5, 4)).coordinates()},
    )
    save_dataset(fields, tmp_path / "u.h5")
    return read_store(tmp_path / "u.h5")


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (4, 3, 5), (1, 1, 9), (3, 0, 2)])
@pytest.mark.parametrize("size", [8, 24, 80, 10_000])
def test_boxes_tile_an_array_in_the_order_of_its_rows(shape: tuple[int, ...], size: int) -> None:
    numbers = np.arange(math.prod(shape)).reshape(shape)
    pieces = [numbers[box].ravel() for box in boxes(shape, 8, size=size)]
    np.testing.assert_array_equal(np.concatenate([*pieces, []]), numbers.ravel())
    assert all(piece.nbytes <= size for piece in pieces)


@pytest.mark.parametrize("chunks", [(1, 2, 5), (2, 3, 2), (4, 3, 5), (3, 1, 4)])
@pytest.mark.parametrize("size", [8, 200, 10_000])
def test_boxes_of_whole_chunks_tile_an_array(chunks: tuple[int, ...], size: int) -> None:
    seen = np.zeros((4, 3, 5), dtype=int)
    for box in boxes(seen.shape, 8, size=size, chunks=chunks):
        seen[box] += 1
        assert all(part.start % piece == 0 for part, piece in zip(box, chunks, strict=True))
        assert seen[box].nbytes <= max(size, 8 * math.prod(chunks))
    assert (seen == 1).all()


SELECTIONS = {
    "all": {},
    "chosen samples": {"sample": [0, 1, 4, 5, 6, 8]},
    "none": {"sample": []},
    "backwards": {"sample": slice(None, None, -1)},
    "one sample": {"sample": 3},
    "every other frame": {"time": slice(1, None, 2)},
    "part of space": {"x": slice(1, 4), "sample": slice(2, 7)},
    "one frame of chosen samples": {"time": 2, "sample": [7, 2]},
    "chosen frames": {"time": [5, 0, 1]},
    "every other of some": {"sample": [0, 3, 4, 8], "time": slice(0, 5, 3)},
    "chosen twice": {"time": [5, 0, 1], "sample": [3, 4]},
}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
@pytest.mark.parametrize("size", [64, 500, 10**6])
def test_blocks_of_a_file_are_those_of_the_array(stored: xr.Dataset, selection: dict, size: int) -> None:
    variable = stored["u"].isel(selection).variable
    expected = xr.Variable(("sample", "time", "x", "y"), U).isel(selection).values
    found = np.full(expected.shape, np.nan, np.float32)
    for box, values in read_blocks(variable, size=size):
        found[box] = values
    np.testing.assert_array_equal(found, expected)
    assert is_lazy(variable), "kept in memory"


def test_files_are_read_without_xarray(stored: xr.Dataset) -> None:
    """The fast path is there: an xarray that hides its arrays elsewhere would be slower and otherwise unnoticed."""
    for name, selection in itertools.product(("u", "re"), ({}, {"sample": [1, 2, 5]}, {"sample": slice(2, 5)})):
        assert BoxReader(stored[name].isel(selection).variable).is_direct, (name, selection)


def test_a_reader_works_in_another_process(stored: xr.Dataset) -> None:
    reader = BoxReader(stored["u"].variable)
    box = (slice(2, 4), slice(0, 6), slice(0, 5), slice(0, 4))
    reader.read(box)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader)).read(box), U[2:4])
    child = os.fork()
    if not child:
        os._exit(0 if np.array_equal(reader.read(box), U[2:4]) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_file_that_took_the_place_of_another_is_not_read_for_it(stored: xr.Dataset) -> None:
    path = Path(stored["u"].encoding["source"])
    new = path.with_name("new.h5")
    save_dataset(stored.load().assign(u=stored["u"] + 1), new)
    lazy = read_store(path)
    os.replace(new, path)
    reader = BoxReader(lazy["u"].variable)
    assert not reader.is_direct
    np.testing.assert_array_equal(reader.read((slice(0, 9), slice(0, 6), slice(0, 5), slice(0, 4))), U)


def test_compressed_pieces_are_read_whole(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "u.h5", "w") as file:
        file.create_dataset("u", data=U, chunks=(2, 3, 5, 4), compression="gzip")
    fields = xr.open_dataset(tmp_path / "u.h5", engine="h5netcdf", phony_dims="access")
    variable = fields["u"].variable
    assert stored_chunks(variable) == (2, 3, 5, 4)
    for box, values in read_blocks(variable, size=500):
        assert [part.start % n for part, n in zip(box, (2, 3, 5, 4), strict=True)] == [0, 0, 0, 0]
        np.testing.assert_array_equal(values, U[box])


def test_bytes_are_found_behind_a_user_block_and_in_another_byte_order(tmp_path: Path) -> None:
    """HDF5 says where an array begins, counted from the start of the file; other numbers than ours it converts."""
    with h5py.File(tmp_path / "u.h5", "w", userblock_size=512) as file:
        file["u"], file["big"] = U, U.astype(">f4")
    for name in ("u", "big"):
        found = np.empty_like(U[2:4])
        HDF5Array(str(tmp_path / "u.h5"), name).read_into(
            (slice(2, 4, 1), *(slice(0, n, 1) for n in U.shape[1:])), found
        )
        np.testing.assert_array_equal(found, U[2:4])


def test_few_files_are_open_at_a_time(tmp_path: Path) -> None:
    arrays = []
    for number in range(150):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file.create_dataset("u", data=U[:2] + number, chunks=(1, 6, 5, 4) if number % 2 else None)
        arrays.append(HDF5Array(str(tmp_path / f"{number}.h5"), "u"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(2):
        for number, array in enumerate(arrays):
            found = np.empty_like(U[:1])
            array.read_into((slice(1, 2, 1), *(slice(0, n, 1) for n in U.shape[1:])), found)
            np.testing.assert_array_equal(found, U[1:2] + np.float32(number))
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 128


def test_a_file_that_is_replaced_while_it_is_read_is_refused(tmp_path: Path) -> None:
    for name, values in (("u.h5", U), ("new.h5", U + 1)):
        with h5py.File(tmp_path / name, "w") as file:
            file["u"] = values
    array, key = HDF5Array(str(tmp_path / "u.h5"), "u"), tuple(slice(0, n, 1) for n in U.shape)
    array.read_into(key, np.empty_like(U))
    again = pickle.loads(pickle.dumps(array))
    os.replace(tmp_path / "new.h5", tmp_path / "u.h5")
    with pytest.raises(InputError, match="another one in its place"):
        again.read_into(key, np.empty_like(U))
