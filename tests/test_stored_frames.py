"""Frames read for each batch: looked at once, and the same however the system gives the bytes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from surrogate.datasets import Grid, InputError, Mesh, Signature, Windows, open_dataset, point_set, prepare
from surrogate.datasets.samples import stored_frames as module
from surrogate.datasets.storage.finite import all_finite

AsFields = Callable[..., xr.Dataset]
rng = np.random.default_rng(0)
VALUES = {name: rng.normal(size=(6, 7, 5, 300)) for name in ("u", "v")}


def opened(as_fields: AsFields, path: Path, values: dict[str, np.ndarray], **encoding: object) -> xr.Dataset:
    """Write a file that is not looked at when it is opened."""
    moving = {name: ("sample time x y", array) for name, array in values.items()}
    still = {"a": ("sample x y", values["u"][:, 0]), "p": ("sample x y", values["v"][:, 1])}
    fields = as_fields(Grid(shape=(5, 300)), moving | still, time=range(7))
    plain = {name: {"_FillValue": None} | (encoding if name in moving else {}) for name in fields.data_vars}
    fields.to_netcdf(path, engine="h5netcdf", encoding=plain)
    return open_dataset(path)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all files be too large to be looked at when they are opened or prepared."""
    monkeypatch.setattr("surrogate.datasets.storage.finite.SMALL", 0)


def windows(fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype, *, held: bool = False) -> Windows:
    signature = Signature.from_data(prepare(fields, inputs=names, outputs=names, split=(6, 0, 0))["train"])
    return Windows(fields, signature, dtype, in_memory=held)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(
    as_fields: AsFields, tmp_path: Path, large: None, held: bool, dtype: torch.dtype, bad: float
) -> None:
    values = {name: array.copy() for name, array in VALUES.items()}
    values["v"][4, 3, 2, 1] = values["v"][4, 5, 0, 0] = bad
    fields = opened(as_fields, tmp_path / "bad.h5", values)
    message = r"finite values in 'v', got 2 that are not in sample 4, the first at {'time': 3, 'x': 2, 'y': 1}"
    with pytest.raises(InputError, match=message):
        windows(fields, ["u", "v"], dtype, held=held).__getitems__([3, 6 * 4 + 3])
    read = windows(fields, ["u", "v"], dtype)
    read.__getitems__([0, 6 * 4 + 1])  # all of these are
    with pytest.raises(InputError, match=message):
        read[6 * 4 + 2]
    assert torch.isfinite(windows(fields, ["u"], dtype, held=held)[6 * 4 + 3]["x"]).all()


@pytest.mark.parametrize("held", [False, True])
def test_samples_without_time_are_refused(as_fields: AsFields, tmp_path: Path, large: None, held: bool) -> None:
    values = {name: array.copy() for name, array in VALUES.items()}
    values["v"][5, 1, 4, 2] = np.nan
    fields = opened(as_fields, tmp_path / "bad.h5", values)
    data = prepare(fields[["a", "p"]], inputs=["a"], outputs=["p"], split=(6, 0, 0))["train"].to_dataset()
    place = int(np.flatnonzero(np.isnan(fields["p"].values).any((1, 2)))[0])
    with pytest.raises(InputError, match=rf"finite values in 'p', got 1 that are not in sample {place}"):
        Windows(data, Signature.from_data(data), in_memory=held).__getitems__([0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize("held", [False, True])
def test_values_that_the_type_cannot_hold_are_refused(
    as_fields: AsFields, tmp_path: Path, large: None, held: bool
) -> None:
    fields = opened(as_fields, tmp_path / "large.h5", {"u": 1e300 * VALUES["u"], "v": VALUES["v"]})
    with pytest.raises(InputError, match=r"values of 'u' that torch.float32 can hold, got larger ones"):
        windows(fields, ["u"], torch.float32, held=held)[0]
    found = windows(fields, ["u"], torch.float64, held=held)[0]["x"]
    np.testing.assert_array_equal(found[0], 1e300 * VALUES["u"][0, 0])


def test_fields_on_points_are_looked_at(tmp_path: Path, large: None) -> None:
    mesh = Mesh([[0, 0], [1, 0], [0, 1]], {"triangle": [[0, 1, 2]]})
    values = np.ones((2, 3))
    values[1, 2] = np.inf
    fields = xr.Dataset({"f": (("sample", "node"), values, {"units": "1"})}, coords=mesh.coordinates())
    fields.to_netcdf(tmp_path / "points.h5", engine="h5netcdf", encoding={"f": {"_FillValue": None}})
    with pytest.raises(
        InputError, match=r"finite values in 'f', got 1 that are not in sample 1, the first at {'node': 2}"
    ):
        point_set(open_dataset(tmp_path / "points.h5"), ["f"])


def test_values_are_looked_at_once(
    as_fields: AsFields, tmp_path: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = windows(opened(as_fields, tmp_path / "u.h5", VALUES), ["u", "v"], torch.float64)
    looked: list[int] = []

    def spy(values: np.ndarray) -> bool:
        looked.append(values.size)
        return all_finite(values)

    monkeypatch.setattr(module, "all_finite", spy)
    for _ in range(3):
        for first in range(0, len(read), 5):
            read.__getitems__(list(range(first, min(first + 5, len(read)))))
    assert len(looked) <= 2 * -(-len(read) // 5)
    assert sum(looked) >= 2 * 6 * 7 * 5 * 300


REPLIES = {
    "EAGAIN": lambda: BlockingIOError(errno.EAGAIN, "not now"),
    "not known": lambda: OSError(errno.EOPNOTSUPP, "what?"),
}


@pytest.mark.parametrize("names", [["u"], ["u", "v"]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("encoding", [{}, {"dtype": "float32"}, {"chunksizes": (1, 2, 5, 300)}], ids=str)
@pytest.mark.parametrize("reply", [None, *REPLIES.values()], ids=["some", *REPLIES])
def test_batches_are_the_same_however_the_system_answers(
    as_fields: AsFields, tmp_path: Path, large: None, monkeypatch: pytest.MonkeyPatch,
    names: list[str], dtype: torch.dtype, encoding: dict[str, Any], reply: Callable[[], OSError] | None,
) -> None:  # fmt: skip
    fields = opened(as_fields, tmp_path / "u.h5", VALUES, **encoding)
    whole = windows(fields, names, dtype, held=True)
    real = os.preadv

    def unwilling(descriptor: int, buffers: Sequence[memoryview], offset: int, flags: int = 0) -> int:
        if flags and reply is not None:
            raise reply()
        first = memoryview(buffers[0]).cast("B")  # of several places in memory one, and of it a part
        return real(descriptor, [first[:1000]], offset, flags)

    monkeypatch.setattr(os, "preadv", unwilling)
    read = windows(fields, names, dtype)
    for indices in ([0, 1, 2, 3], [17, 3, 30, 9], [4, 5, 6, 7], [5, 6, 5, 0]):
        one, other = whole.__getitems__(indices), read.__getitems__(indices)
        assert all(torch.equal(one[key], other[key]) for key in one), indices


def test_a_file_that_is_cut_while_it_is_read_is_refused(as_fields: AsFields, tmp_path: Path, large: None) -> None:
    read = windows(opened(as_fields, tmp_path / "u.h5", VALUES), ["u"], torch.float64)
    read[0]
    os.truncate(tmp_path / "u.h5", 50_000)
    with pytest.raises(InputError, match=r"all data of .*u\.h5', got the end of the file"):
        read[30]
