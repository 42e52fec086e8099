"""MATLAB files, written by scipy (version 5) and byte by byte as MATLAB does (version 7.3)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from surrogate.datasets import Grid, InputError, open_dataset

Arrays = dict[str, np.ndarray]


def write_5(path: Path, arrays: Arrays) -> None:
    scipy.io.savemat(path, arrays)


def write_5_compressed(path: Path, arrays: Arrays) -> None:
    scipy.io.savemat(path, arrays, do_compression=True)


def write_73(path: Path, arrays: Arrays) -> None:
    """HDF5 behind a block of 512 bytes; columns first, so that HDF5 sees the axes reversed."""
    classes = {"f8": "double", "f4": "single", "b1": "logical", "i8": "int64"}
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            pairs = np.dtype([("real", "f8"), ("imag", "f8")])
            stored = np.stack([array.real, array.imag], -1).view(pairs)[..., 0] if array.dtype.kind == "c" else array
            stored = stored.astype("u1") if array.dtype.kind == "b" else stored
            dataset = file.create_dataset(name, data=np.ascontiguousarray(stored.T))
            dataset.attrs["MATLAB_class"] = np.bytes_(classes.get(array.dtype.str[1:], "double"))
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 HDF5 schema 1.00 ."
    with path.open("r+b") as file:
        file.write(text.ljust(116) + bytes(8) + b"\x00\x02IM")


WRITERS: dict[str, Callable[[Path, Arrays], None]] = {"5": write_5, "5 compressed": write_5_compressed, "7.3": write_73}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Callable[[Path, Arrays], None]:
    return WRITERS[request.param]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.mat"


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("pair", [("a", "u"), ("input", "output"), ("coeff", "sol")])
@pytest.mark.parametrize("space", [(7,), (7, 5)])
def test_every_value_is_where_it_was(
    write: Callable[[Path, Arrays], None], path: Path, pair: tuple[str, str], space: tuple[int, ...]
) -> None:
    first, second = random(3, *space), random(3, *space).astype("float32")
    write(path, {pair[0]: first, pair[1]: second, "Kcoeff": random(2, 2)})
    fields = open_dataset(path)
    assert fields[pair[0]].dims == ("sample", "x", "y")[: len(space) + 1]
    np.testing.assert_array_equal(fields[pair[0]], first)
    np.testing.assert_array_equal(fields[pair[1]], second)
    assert (fields[pair[0]].dtype, fields[pair[1]].dtype) == (np.float64, np.float32)
    assert Grid.from_fields(fields) == Grid(shape=space)


@pytest.mark.parametrize("space", [(7,), (7, 5)])
def test_a_trailing_time_axis_comes_after_the_sample(
    write: Callable[[Path, Arrays], None], path: Path, space: tuple[int, ...]
) -> None:
    start, later = random(3, *space), random(3, *space, 4)
    write(path, {"a": start, "u": later})
    grid = Grid(shape=space, extent=(2.0,) * len(space), periodic=True)
    fields = open_dataset(path, names={"a": "start", "u": "vorticity"}, grid=grid)
    assert fields["vorticity"].dims[:2] == ("sample", "time")
    np.testing.assert_array_equal(fields["start"], start)
    for frame in range(4):
        np.testing.assert_array_equal(fields["vorticity"].isel(time=frame), later[..., frame])
    assert fields["time"].values.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert Grid.from_fields(fields) == grid


def test_logical_and_whole_numbers_become_single_precision(write: Callable[[Path, Arrays], None], path: Path) -> None:
    write(path, {"a": random(3, 6) > 0, "u": np.arange(18).reshape(3, 6)})
    fields = open_dataset(path)
    assert (fields["a"].dtype, fields["u"].dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(fields["a"], random(3, 6) > 0)
    np.testing.assert_array_equal(fields["u"], np.arange(18).reshape(3, 6))


WRONG: dict[str, tuple[Arrays, str]] = {
    "other names": (
        {"b": random(3, 7), "u": random(3, 7)},
        "variables a/u or input/output or coeff/sol, or u/uu/usol beside x",
    ),
    "other numbers of samples": (
        {"a": random(3, 7), "u": random(4, 7)},
        r"'u' in data.mat over x with lengths .* got \(4, 7\)",
    ),
    "other space": ({"a": random(3, 7), "u": random(3, 8)}, r"lengths {'sample': 3, 'x': 7}, got \(3, 8\)"),
    "ranks too far apart": ({"a": random(3, 7), "u": random(3, 7, 2, 2)}, r"'u' in data.mat over x"),
    "one point": ({"a": random(3, 1), "u": random(3, 1)}, "at least 2 points along x"),
    "complex": ({"a": random(3, 7) * 1j, "u": random(3, 7)}, "real numbers in 'a'"),
    "not finite": ({"a": random(3, 7), "u": np.full((3, 7), np.nan)}, "finite values in 'u'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_contents_are_named_with_the_file(write: Callable[[Path, Arrays], None], path: Path, what: str) -> None:
    arrays, message = WRONG[what]
    write(path, arrays)
    with pytest.raises(InputError, match=message) as raised:
        open_dataset(path)
    assert "data.mat" in str(raised.value)


def test_a_struct_is_refused(path: Path) -> None:
    scipy.io.savemat(path, {"a": {"field": 1.0}, "u": random(3, 7)})
    with pytest.raises(InputError, match=r"real numbers in 'a' of .*data\.mat"):
        open_dataset(path)


def test_a_grid_or_names_that_do_not_fit_are_refused(path: Path) -> None:
    write_5(path, {"a": random(3, 7), "u": random(3, 7)})
    with pytest.raises(InputError, match=r"a grid of shape \(7,\), got \(8,\).*data\.mat"):
        open_dataset(path, grid=Grid(shape=(8,)))
    with pytest.raises(InputError, match=r"different new name for each of \['a', 'u'\] in data\.mat"):
        open_dataset(path, names={"b": "c"})
    with pytest.raises(InputError, match="different new name"):
        open_dataset(path, names={"a": "c", "u": "c"})


@pytest.mark.parametrize("share", [0.001, 0.02, 0.1, 0.3, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(write: Callable[[Path, Arrays], None], path: Path, share: float) -> None:
    write(path, {"a": random(3, 7, 7), "u": random(3, 7, 7)})
    os.truncate(path, max(1, int(share * path.stat().st_size)))
    with pytest.raises(InputError, match=r"data\.mat"):
        open_dataset(path)


@pytest.mark.parametrize("content", [b"no MATLAB", bytes(1000), b"MATLAB 5.0 MAT-file".ljust(200), os.urandom(5000)])
def test_another_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"data\.mat"):
        open_dataset(path)
