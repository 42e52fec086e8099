"""`open_dataset`: what all formats have in common, damaged files, real data."""

from __future__ import annotations

import inspect
import os
import random
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch
import xarray as xr

from surrogate.datasets import Grid, InputError, open_dataset, save_dataset
from surrogate.datasets.formats import FORMATS

REFERENCE = Path(os.environ.get("SURROGATE_REFERENCE", ""), "data/public")
needs_reference = pytest.mark.skipif(
    not (REFERENCE / "darcy_train_16.pt").exists(), reason="needs the folder named by SURROGATE_REFERENCE"
)


@pytest.mark.parametrize("suffix", [".h5", ".nc", ".hdf5", ".mat", ".pt", ".pth"])
def test_missing_empty_and_foreign_files_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    with pytest.raises(InputError, match=rf"an existing file, got '.*data\{suffix}'"):
        open_dataset(path)
    path.touch()
    with pytest.raises(InputError, match=rf"data in '.*data\{suffix}', got an empty file"):
        open_dataset(path)
    path.write_text("something else")
    with pytest.raises(InputError, match=rf"data\{suffix}"):
        open_dataset(path)


def test_unknown_formats_and_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("1 2 3")
    with pytest.raises(InputError, match=r"ends in \.h5, \.hdf5, \.nc, \.mat, \.npy, \.npz, \.pt, \.pth"):
        open_dataset(tmp_path / "data.txt")
    with pytest.raises(InputError, match="an existing file, or a folder of a known format, got the folder"):
        open_dataset(tmp_path)


def test_a_format_can_be_named(own: Path) -> None:
    own.rename(own.with_name("own.dat"))
    assert open_dataset(own.with_name("own.dat"), format="netcdf").sizes == {"sample": 3, "x": 8}
    with pytest.raises(InputError, match=r"a format out of .*netcdf, .* got 'cdf'"):
        open_dataset(own.with_name("own.dat"), format="cdf")
    with pytest.raises(InputError, match=r"only .*mesh.* files that match '.*own\*', got '.*own.dat'"):
        open_dataset(own.with_name("own*"))


def test_formats_have_different_names_and_known_options() -> None:
    assert len({choice.name for choice in FORMATS}) == len(FORMATS)
    options = inspect.signature(open_dataset).parameters.keys() - {"path", "format"}
    for choice in FORMATS:
        assert choice.options <= options
        assert choice.options <= inspect.signature(choice.read).parameters.keys()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).normal(size=(3, 8))
    fields = xr.Dataset({"u": (("sample", "x"), values, {"units": "1"})}, coords=Grid(shape=(8,)).coordinates())
    save_dataset(fields, tmp_path / "own.h5")
    return tmp_path / "own.h5"


def test_files_are_closed(own: Path) -> None:
    for names in (None, {"u": "w"}):
        fields = open_dataset(own, names=names)
        fields.close()
        with h5py.File(own, "r+") as file:  # refused while somebody in this process reads the file
            assert "u" in file
        del fields


def test_a_file_that_breaks_the_convention_is_named(own: Path) -> None:
    with h5py.File(own, "r+") as file:
        file["u"][1, 2] = np.nan
    with pytest.raises(InputError, match=r"finite values in 'u', .* sample 1, .*'x': 2.*own\.h5"):
        open_dataset(own)
    with h5py.File(own, "r+") as file:
        del file["u"].attrs["units"]
    with pytest.raises(InputError, match=r"units on 'u'.*own\.h5"):
        open_dataset(own)


def test_options_that_do_not_fit_our_files_are_refused(own: Path) -> None:
    with pytest.raises(InputError, match=r"options out of names for '.*own\.h5', which is netcdf, got 'grid'"):
        open_dataset(own, grid=Grid(shape=(8,)))
    for names in ({"v": "w"}, {"u": "x"}):
        with pytest.raises(InputError, match=r"different new names for some of .*own\.h5"):
            open_dataset(own, names=names)


def test_hdf5_that_is_no_netcdf_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["u"] = np.ones((3, 8))
    with pytest.raises(InputError, match=r"plain\.h5"):
        open_dataset(tmp_path / "plain.h5")


@pytest.mark.parametrize("share", [0.001, 0.1, 0.3, 0.5, 0.9, 0.99])
def test_a_truncated_file_of_ours_is_refused(own: Path, share: float) -> None:
    os.truncate(own, max(1, int(share * own.stat().st_size)))
    with pytest.raises(InputError, match=r"own\.h5"):
        open_dataset(own)


# h5netcdf complains a second time when a file that it could not open is deleted
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_damaged_files_open_or_are_refused_and_nothing_else(own: Path, tmp_path: Path) -> None:
    a = np.random.default_rng(0).normal(size=(3, 8))
    scipy.io.savemat(tmp_path / "five.mat", {"a": a, "u": a})
    torch.save({"x": torch.tensor(a), "y": torch.tensor(a)}, tmp_path / "zip.pt")
    torch.save({"x": torch.tensor(a), "y": torch.tensor(a)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    dice = random.Random(0)
    for name in ("own.h5", "five.mat", "zip.pt", "old.pt"):
        whole, damaged = (tmp_path / name).read_bytes(), tmp_path / f"damaged_{name}"
        refused = 0
        for _ in range(100):
            content = bytearray(whole)
            for _ in range(dice.choice([1, 5, 30])):
                content[dice.randrange(len(content))] = dice.randrange(256)
            damaged.write_bytes(content)
            try:
                with warnings.catch_warnings(action="ignore"):  # torch warns of strange pickle protocols
                    open_dataset(damaged).close()
            except InputError as error:
                assert name in str(error)  # noqa: PT017  # most, not all, are refused
                refused += 1
        assert refused  # many land in the numbers, or in the gaps of HDF5


@needs_reference
def test_real_darcy_flow() -> None:
    fields = open_dataset(REFERENCE / "darcy_train_16.pt", names={"x": "coefficient", "y": "pressure"})
    raw = torch.load(REFERENCE / "darcy_train_16.pt", weights_only=True)
    assert dict(fields.sizes) == {"sample": 1000, "x": 16, "y": 16}
    np.testing.assert_array_equal(fields["pressure"], raw["y"].numpy())
    np.testing.assert_array_equal(fields["coefficient"], raw["x"].numpy())
    fine = open_dataset(REFERENCE / "darcy_test_32.pt")
    assert fine.sizes["x"] == 32
    assert set(fine.data_vars) == {"input", "output"}
