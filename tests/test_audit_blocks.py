"""An audit reads values in blocks, whatever the size of the data."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.auditing.blocks import LIMIT, samples_of


@pytest.fixture(scope="module")
def flows() -> xr.Dataset:
    """Return trajectories of Burgers flow."""
    case = sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=5)
    return sg.generate(case, 12, progress=False)


@pytest.fixture(scope="module")
def polygons() -> xr.Dataset:
    """Return solutions on meshes that differ by sample."""
    return sg.generate(sg.cases.PoissonPolygons(nodes=(60, 120)), 12, progress=False)


def test_blocks_are_read_whole_whatever_their_size(flows: xr.Dataset, polygons: xr.Dataset) -> None:
    for fields, name in ((flows, "u"), (polygons, "u"), (flows, "viscosity")):
        whole = [(sample, values) for sample, _, values in samples_of(fields, name)]
        for limit in (1, 700, 5000):
            pieces: dict[int, list[np.ndarray]] = {}
            for sample, first, values in samples_of(fields, name, limit=limit):
                assert first == sum(map(len, pieces.setdefault(sample, [])))
                pieces[sample].append(values)
            assert [*pieces] == [sample for sample, _ in whole]
            for sample, values in whole:
                own = pieces[sample]
                np.testing.assert_array_equal(own[0] if len(own) == 1 else np.concatenate(own), values)


def test_stored_pieces_are_read_once(flows: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = {"u": {"chunksizes": (5, 6, 64), "zlib": True}}
    flows[["u"]].to_netcdf(tmp_path / "pieces.h5", engine="h5netcdf", encoding=pieces)
    fields = sg.open_dataset(tmp_path / "pieces.h5", checked=False)
    isel, read, limit = xr.DataArray.isel, [], 2 * flows["u"].nbytes // 12

    def recorded(self: xr.DataArray, *given: object, **indexers: object) -> xr.DataArray:
        read.extend(indexers.items())
        return isel(self, *given, **indexers)

    monkeypatch.setattr(xr.DataArray, "isel", recorded)
    samples = [values for _, _, values in samples_of(fields, "u", limit=limit)]
    assert read == [("sample", slice(0, 5)), ("sample", slice(5, 10)), ("sample", slice(10, 15))]
    np.testing.assert_array_equal(samples, flows["u"])


@pytest.mark.parametrize(("samples", "frames"), [(600, 10), (2, 3000)])
def test_memory_does_not_grow_with_the_data(samples: int, frames: int, tmp_path: Path) -> None:
    coords = {**sg.Grid((5000,), periodic=True).coordinates(), "time": ("time", np.arange(frames), {"units": "1"})}
    wave = xr.DataArray(np.sin(2 * np.pi * coords["x"].values).astype(np.float32), dims="x")
    sample, time = (
        xr.DataArray(np.arange(n, dtype=np.float32), dims=d) for d, n in [("sample", samples), ("time", frames)]
    )
    u = (sample * time + wave).assign_attrs(units="1")
    u.to_dataset(name="u").assign_coords(coords).to_netcdf(tmp_path / "large.h5", engine="h5netcdf")
    size = u.nbytes
    del u
    tracemalloc.start()
    report = sg.audit(tmp_path / "large.h5")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "finite values" in report.clean
    assert peak < 3 * LIMIT < size / 2  # a block, and what is made of it
