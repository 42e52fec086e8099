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

from surrogate.datasets import Grid, save_dataset
from surrogate.datasets.blocks import boxes, read_blocks, stored_chunks
from surrogate.datasets.store import read_store
from surrogate.datasets.stored import BoxReader, is_lazy

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
