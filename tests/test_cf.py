"""netCDF and Zarr of others: brought into the form of the convention, or told how."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

import surrogate as sg
from surrogate.datasets import Grid, InputError
from surrogate.datasets.storage.stored import is_lazy

VALUES = np.random.default_rng(0).random((3, 4, 5)).astype("f4")


def weather() -> xr.Dataset:
    """Return what a weather service gives: latitudes from the north, one level, packed numbers, bounds, a map."""
    packed = {"units": "K", "grid_mapping": "crs"}
    coords = {
        "time": ("time", np.array([0, 6, 12]), {"units": "hours since 2020-01-01", "bounds": "time_bnds"}),
        "level": ("level", [850.0], {"units": "hPa"}),
        "latitude": ("latitude", [60.0, 50.0, 40.0, 30.0], {"units": "degrees_north"}),
        "longitude": ("longitude", np.arange(5.0), {"units": "degrees_east"}),
    }
    variables = {
        "t2m": (("time", "level", "latitude", "longitude"), VALUES[:, None], packed),
        "mask": (("latitude", "longitude"), np.arange(20, dtype="i2").reshape(4, 5), {"units": "1"}),
        "time_bnds": (("time", "bnds"), np.zeros((3, 2))),
        "crs": ((), np.int32(0), {"grid_mapping_name": "latitude_longitude"}),
    }
    return xr.Dataset(variables, coords, {"Conventions": "CF-1.8"})


PACKED = {"t2m": {"dtype": "i2", "scale_factor": 1 / 30000, "add_offset": 0.0, "_FillValue": -32768}}
NAMES = {"latitude": "y", "longitude": "x", "t2m": "temperature"}


def write(fields: xr.Dataset, path: Path, how: str) -> None:
    if how == "zarr2":
        fields.to_zarr(path, zarr_format=2, encoding=PACKED, consolidated=True)
    elif how == "zarr3":
        fields.to_zarr(path, zarr_format=3, encoding=PACKED, consolidated=False)
    else:
        engine, form = ("scipy", "NETCDF3_CLASSIC") if how == "netcdf3" else ("h5netcdf", "NETCDF4")
        fields.to_netcdf(path, engine=engine, format=form, encoding=PACKED)


@pytest.mark.parametrize("how", ["netcdf3", "netcdf4", "zarr2", "zarr3"])
def test_what_follows_cf_is_opened(how: str, tmp_path: Path) -> None:
    path = tmp_path / ("weather.nc" if how.startswith("netcdf") else "weather")
    write(weather(), path, how)
    fields = sg.open_dataset(path, names=NAMES)
    assert set(fields.data_vars) == {"temperature", "mask"}
    assert fields["temperature"].dims == ("time", "x", "y")
    assert fields["y"].values.tolist() == [30, 40, 50, 60]
    # half a step of the packed numbers, and the single precision in which they are unpacked
    np.testing.assert_allclose(fields["temperature"], VALUES[:, ::-1].transpose(0, 2, 1), atol=0.51 / 30000)
    assert fields["mask"].dtype == np.float32
    assert is_lazy(fields["mask"])
    np.testing.assert_array_equal(fields["mask"][[0, 3], 1:], np.arange(20).reshape(4, 5)[::-1].T[[0, 3], 1:])
    np.testing.assert_array_equal(fields["mask"], np.arange(20).reshape(4, 5)[::-1].T)
    assert fields["time"].values.tolist() == [0, 6, 12]
    assert fields["level"].values == 850
    assert Grid.from_fields(fields).extent == ((0.0, 4.0), (30.0, 60.0))


@pytest.mark.parametrize("how", ["netcdf3", "zarr3"])
def test_dimensions_of_other_names_are_explained(how: str, tmp_path: Path) -> None:
    path = tmp_path / ("weather.nc" if how.startswith("netcdf") else "weather")
    write(weather(), path, how)
    do = r"got latitude, longitude\. Pass names=\{'latitude': 'y', 'longitude': 'x'\}\."
    with pytest.raises(InputError, match=r"dimensions out of sample, time, x, .*weather.*" + do):
        sg.open_dataset(path)
    with pytest.raises(InputError, match=r"different new names for some of .*'lat': 'y'"):
        sg.open_dataset(path, names={"lat": "y"})


def test_dimensions_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    weather().rename(latitude="q").to_netcdf(tmp_path / "q.nc", engine="h5netcdf")
    with pytest.raises(InputError, match=r"got q\. Pass `names`, such as .* or reduce them in xarray"):
        sg.open_dataset(tmp_path / "q.nc", names={"longitude": "x"})


def test_missing_units_are_named_together(tmp_path: Path) -> None:
    bare = weather().drop_attrs(deep=True)[["mask"]].rename(latitude="y", longitude="x")
    bare.to_netcdf(tmp_path / "bare.nc", engine="h5netcdf")
    bare.to_zarr(tmp_path / "bare.zarr", consolidated=False)
    for name in ("bare.nc", "bare.zarr"):
        with pytest.raises(InputError, match=rf"units on .*'mask'.*, got none\. Set .*{name}'; checked=False opens it"):
            sg.open_dataset(tmp_path / name)
        assert "units" not in sg.open_dataset(tmp_path / name, checked=False)["mask"].attrs


def test_zero_is_a_value_in_stores_without_gaps(tmp_path: Path) -> None:
    """Zarr's own default for blocks that are not stored is 0, which xarray takes for a gap in version 2."""
    store = zarr.open_group(tmp_path / "zeros", mode="w", zarr_format=2)
    for name, dims, values in (("u", ["x"], np.array([0.0, 1.0, 2.0])), ("x", ["x"], np.array([0.0, 0.5, 1.0]))):
        array = store.create_array(name, data=values, fill_value=0.0)
        array.attrs.update({"_ARRAY_DIMENSIONS": dims, "units": "1"})
    assert sg.open_dataset(tmp_path / "zeros")["u"].values.tolist() == [0, 1, 2]


class Burglar:
    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["SURROGATE_BURGLAR"],)


def test_code_in_a_store_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numcodecs = pytest.importorskip("numcodecs")
    monkeypatch.setenv("SURROGATE_BURGLAR", str(tmp_path / "loot"))
    weather()[["mask"]].to_zarr(tmp_path / "store", zarr_format=2, consolidated=False)
    array = tmp_path / "store" / "mask"
    metadata = json.loads((array / ".zarray").read_text())
    loaded = numcodecs.Pickle().encode(np.array([Burglar()], dtype=object))
    for chunk in array.glob("[0-9]*"):
        chunk.write_bytes(loaded)
    (array / ".zarray").write_text(json.dumps(metadata | {"compressor": None, "filters": [{"id": "pickle"}]}))
    with pytest.raises(InputError, match=r"no code in '.*mask/\.zarray', got the codec 'pickle'"):
        sg.open_dataset(tmp_path / "store", names=NAMES)
    assert not (tmp_path / "loot").exists()


def test_damaged_stores_are_refused(tmp_path: Path) -> None:
    weather().to_zarr(tmp_path / "store", consolidated=False)
    for name in ("t2m/zarr.json", "zarr.json"):
        (tmp_path / "store" / name).write_text('{"zarr_format": 3')
        with pytest.raises(InputError, match=r"a readable Zarr store at .*store'"):
            sg.open_dataset(tmp_path / "store", names=NAMES)
    (tmp_path / "cut.nc").write_bytes(b"CDF\x01" + bytes(20))
    with pytest.raises(InputError, match=r"cut\.nc"):
        sg.open_dataset(tmp_path / "cut.nc")
