"""HDF5 files that lead elsewhere, or say of themselves what is not so."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from surrogate.datasets import Grid, InputError, open_dataset, save_dataset
from surrogate.datasets.storage.hdf5_variables import refuse_long_axes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    fields = xr.Dataset({"u": (("sample", "x"), np.ones((2, 8)), {"units": "1"})}, coords=Grid((8,)).coordinates())
    for name in ("own.h5", "other.h5"):
        save_dataset(fields, tmp_path / name)
    return tmp_path / "own.h5"


@pytest.mark.parametrize("way", ["link", "storage", "virtual"])
def test_numbers_in_other_files_are_refused(path: Path, way: str) -> None:
    other = path.with_name("other.h5")
    with h5py.File(path, "r+") as file:
        del file["u"]
        if way == "link":
            file["u"] = h5py.ExternalLink(str(other), "u")
        elif way == "storage":
            file.create_dataset("u", (2, 8), "f8", external=[(str(other), 0, 128)])
        else:
            layout = h5py.VirtualLayout((2, 8), "f8")
            layout[...] = h5py.VirtualSource(str(other), "u", (2, 8))
            file.create_virtual_dataset("u", layout)
    with pytest.raises(InputError, match=r"numbers of 'u' in '.*own\.h5' itself, got a reference to another file"):
        open_dataset(path)


def test_a_variable_longer_than_its_dimension_is_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        scales = [file["u"].dims[axis][0] for axis in range(2)]
        del file["u"]
        claim = file.create_dataset("u", (2, 2**40), "f8", chunks=(1, 1024))
        for axis, scale in enumerate(scales):
            claim.dims[axis].attach_scale(scale)
    with pytest.raises(InputError, match=r"'u' of '.*own\.h5' of the lengths of its dimensions, got shape \(2, 1099"):
        open_dataset(path)


@pytest.mark.parametrize("reserved", [0, 255])
def test_a_heap_that_the_library_would_stay_in_is_refused(path: Path, reserved: int) -> None:
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 7] = reserved
    content[heap + 16 : heap + 4096] = bytes(4080)  # free space of no size
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"whole texts in '.*own\.h5', got a damaged heap"):
        open_dataset(path)


def test_a_number_in_the_place_of_a_label_takes_no_memory(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["x"].attrs["NAME"] = 2**62  # so many zeros are its bytes
    refuse_long_axes(path)
    with pytest.raises(InputError, match=r"own\.h5', got argument of type 'numpy\.int64' is not iterable"):
        open_dataset(path)
