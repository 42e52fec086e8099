"""Any format to any other: the same numbers, whole or not at all."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import xarray as xr

import surrogate as sg
from surrogate.cli import main
from surrogate.datasets import Grid, InputError, open_dataset, save_dataset
from surrogate.datasets.storage import blocks as blocks_module
from surrogate.datasets.storage import finite as finite_module
from surrogate.datasets.storage.locks import only_writer

AsFields = Callable[..., xr.Dataset]
rng = np.random.default_rng(0)


@pytest.fixture
def fields(as_fields: AsFields) -> xr.Dataset:
    variables = {
        "velocity_x": ("sample time x y", rng.normal(size=(4, 5, 6, 3)).astype(np.float32)),
        "velocity_y": ("sample time x y", rng.normal(size=(4, 5, 6, 3)).astype(np.float32)),
        "p": ("sample time x y", rng.normal(size=(4, 5, 6, 3)).astype(np.float32)),
        "re": ("sample", rng.normal(size=4).astype(np.float32)),
    }
    return as_fields(Grid(shape=(6, 3), periodic=True), variables, time=range(5))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few numbers be many blocks, and all files large."""
    monkeypatch.setattr(blocks_module.read_blocks, "__kwdefaults__", {"size": 256, "in_order": False})
    monkeypatch.setattr(finite_module, "SMALL", 0)


ROUTES = {
    "ours": [("b.nc", None), ("c.h5", None)],
    "Zarr": [("b.zarr", None), ("c.h5", None)],
    "The Well": [("b.hdf5", "the_well"), ("c.h5", None)],
    "XDMF": [("b.xdmf", None), ("c.h5", None)],
    "The Well to Zarr": [("b.hdf5", "the_well"), ("c.zarr", None)],
}


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_there_and_back_are_the_same_numbers(fields: xr.Dataset, tmp_path: Path, route: list) -> None:
    save_dataset(fields, tmp_path / "a.h5")
    path = tmp_path / "a.h5"
    for name, format in route:
        sg.convert(path, tmp_path / name, format=format)
        path = tmp_path / name
    with open_dataset(path) as back:
        for name, variable in fields.data_vars.items():
            assert back[name].dims == variable.dims
            np.testing.assert_array_equal(back[name].values, variable.values)
        assert Grid.from_fields(back) == Grid.from_fields(fields)
    assert not list(tmp_path.glob(".*")), "something is left"


def test_shards_become_one_file(tmp_path: Path) -> None:
    case = sg.cases.Burgers(resolution=64, viscosity=0.05, steps=3)
    made = sg.generate(case, 7, tmp_path / "shards", shard_size=3, seed=0, progress=False)
    sg.convert(tmp_path / "shards", tmp_path / "all.h5")
    with open_dataset(tmp_path / "all.h5") as back:
        np.testing.assert_array_equal(back["u"].values, made["u"].values)
        np.testing.assert_array_equal(back["sample"].values, made["sample"].values)


def test_bare_arrays_are_told_what_they_are(tmp_path: Path) -> None:
    u = rng.normal(size=(8, 4))
    scipy.io.savemat(tmp_path / "u.mat", {"usol": u, "x": np.linspace(0, 1, 8, endpoint=False), "t": np.arange(4.0)})
    arguments = ["convert", str(tmp_path / "u.mat"), str(tmp_path / "u.h5")]
    assert main([*arguments, "--names", '{"usol": "u"}', "--grid", '{"periodic": true}']) == 0
    with open_dataset(tmp_path / "u.h5") as back:
        np.testing.assert_array_equal(back["u"].values[0], u.T)
        assert Grid.from_fields(back).is_periodic


def test_what_cannot_end_well_is_refused_at_once(fields: xr.Dataset, tmp_path: Path) -> None:
    save_dataset(fields, tmp_path / "a.h5")
    before = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "link.h5").hardlink_to(tmp_path / "a.h5")
    save_dataset(fields, tmp_path / "a.zarr")
    for source, target in (("a.h5", "a.h5"), ("a.h5", "link.h5"), ("a.zarr", "a.zarr/b.h5"), ("*.h5", "a.h5")):
        with pytest.raises(InputError, match="a target that is not the source"):
            sg.convert(tmp_path / source, tmp_path / target, overwrite=True)
    with pytest.raises(InputError, match=r"does not exist, got .*link\.h5"):
        sg.convert(tmp_path / "a.zarr", tmp_path / "link.h5")
    with pytest.raises(InputError, match="a path that ends in"):
        sg.convert(tmp_path / "a.h5", tmp_path / "a.txt")
    with pytest.raises(InputError, match="a format out of"):
        sg.convert(tmp_path / "a.h5", tmp_path / "b.h5", format="the_wel")
    with only_writer(tmp_path / "b.h5"), pytest.raises(InputError, match="a path that nobody else writes"):
        sg.convert(tmp_path / "a.h5", tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == before


def test_a_small_disk_is_refused_before_writing(
    fields: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_dataset(fields, tmp_path / "a.h5")
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, fields.nbytes - 1))
    with pytest.raises(OSError, match="No space left on device"):
        sg.convert(tmp_path / "a.h5", tmp_path / "b.h5")
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("target", ["b.h5", "b.zarr", "b.xdmf", "b.hdf5"])
def test_values_that_are_not_finite_are_found_on_the_way(fields: xr.Dataset, tmp_path: Path, target: str) -> None:
    bad = fields.copy(deep=True)
    bad["p"].values[2, 3, 4, 1] = np.nan
    bad.to_netcdf(tmp_path / "a.h5", engine="h5netcdf", encoding={"p": {"_FillValue": None}})
    message = r"finite values in 'p', got 1 that are not in sample 2, the first at {'time': 3, 'x': 4, 'y': 1}"
    with pytest.raises(InputError, match=message):
        sg.convert(tmp_path / "a.h5", tmp_path / target, format="the_well" if target == "b.hdf5" else None)
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


SLOW = """
import sys, time
import surrogate as sg
from surrogate.datasets.storage import hdf5_variables
copy = hdf5_variables.read_blocks
def slow(variable):
    for found in copy(variable):
        yield found
        print("copied", flush=True)
        time.sleep(60)
hdf5_variables.read_blocks = slow
sg.convert(*sys.argv[1:])
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_stop_in_the_middle_leaves_nothing_that_counts(fields: xr.Dataset, tmp_path: Path, sign: int) -> None:
    save_dataset(fields, tmp_path / "a.h5")
    command = [sys.executable, "-c", SLOW, tmp_path / "a.h5", tmp_path / "b.h5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline() == "copied\n"
        process.send_signal(sign)
    visible = [file.name for file in tmp_path.iterdir() if not file.name.startswith(".")]
    assert visible == ["a.h5"]
    assert sign == signal.SIGKILL or not list(tmp_path.glob(".*"))
    sg.convert(tmp_path / "a.h5", tmp_path / "b.h5")
    assert {file.name for file in tmp_path.iterdir()} == {"a.h5", "b.h5"}


def test_every_value_is_read_and_counted_once(
    fields: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar comes to its end: each value is read once."""
    counted: list[int] = []
    monkeypatch.setattr("surrogate.conversion.bytes_bar", lambda *_, **__: nullcontext(counted.append))
    save_dataset(fields, tmp_path / "a.h5")
    sg.convert(tmp_path / "a.h5", tmp_path / "b.h5")
    assert sum(counted) == fields.nbytes - sum(coord.nbytes for coord in fields.coords.values())
