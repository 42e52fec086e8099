"""An audit finds what parts of a split have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import surrogate as sg


@pytest.fixture(scope="module")
def flows() -> xr.Dataset:
    """Return trajectories of Burgers flow that say nothing of their origin."""
    case = sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=5)
    return sg.generate(case, 20, progress=False).drop_attrs(deep=False)


def between(report: sg.AuditReport) -> list[tuple[str, str, tuple[int, ...]]]:
    """Return check, part and samples of what was found between parts."""
    return [(one.check, one.part, one.samples) for one in report if one.check.startswith("overlap")]


def test_a_prepared_split_has_no_overlap(flows: xr.Dataset) -> None:
    for given in (flows, flows.assign_attrs(case="{}", seed=0)):
        report = sg.audit(sg.prepare(given, inputs=["u"], outputs=["u"]))
        assert not report.of("error") + report.of("warning")
        assert {"overlap of parts", "overlap in time"} <= set(report.clean)


def test_files_that_share_samples(flows: xr.Dataset, tmp_path: Path) -> None:
    sg.save_dataset(flows[["u"]].isel(sample=slice(0, 12)), tmp_path / "train.h5")
    sg.save_dataset(flows[["u"]].isel(sample=slice(10, 20)), tmp_path / "test.h5")
    found = between(sg.audit(tmp_path / "train.h5", parts={"test": tmp_path / "test.h5"}))
    assert found == [("overlap of parts", "test", (0, 1)), ("overlap in time", "test", (0, 1))]


def test_samples_of_one_generator_are_known_by_their_numbers() -> None:
    case = sg.cases.Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=2)
    fields = sg.generate(case, 6, progress=False)
    noisy = fields.assign(u=(fields["u"] + 0.1).assign_attrs(units="1"))
    found = between(sg.audit(fields.isel(sample=slice(0, 3)), parts={"test": noisy.isel(sample=slice(2, 6))}))
    assert found == [("overlap of parts", "test", (0,))]


def test_nearly_equal_inputs_on_two_sides(flows: xr.Dataset) -> None:
    later = flows.isel(sample=slice(12, 20)).copy(deep=True)
    later["u"][5] = flows["u"][3] * (1 + 2e-4)
    found = between(sg.audit(flows.isel(sample=slice(0, 12)), parts={"test": later}))
    assert found == [("overlap of parts", "test", (5,))]


def test_trajectories_cut_in_time(flows: xr.Dataset) -> None:
    early, late = flows.isel(time=slice(0, 4)), flows.isel(time=slice(2, 6))
    found = between(sg.audit(early, parts={"test": late}))
    assert ("overlap in time", "test", tuple(range(20))) in found
    assert not between(sg.audit(early.isel(time=slice(0, 3)), parts={"test": flows.isel(time=slice(3, 6))}))


def test_geometries_on_two_sides() -> None:
    fields = sg.generate(sg.cases.PoissonPolygons(nodes=(60, 120)), 4, progress=False).drop_attrs(deep=False)
    fields = fields.drop_vars("sample")
    other = sg.datasets.select_samples(fields, [1, 3])
    other["source"] = other["source"] + 1.0
    other["source"].attrs = fields["source"].attrs
    report = sg.audit(sg.datasets.select_samples(fields, [0, 1, 2]), parts={"test": other})
    (one,) = [one for one in report if one.check == "overlap of parts"]
    assert (one.severity, one.samples) == ("warning", (0,))
    assert "points of" in one.message


def test_series_that_overlap_in_time() -> None:
    values = np.random.default_rng(0).standard_normal((1, 100))
    coords = {"time": ("time", np.arange(100.0), {"units": "h"})}
    series = xr.Dataset({"load": (("sample", "time"), values, {"units": "MW"})}, coords=coords)
    tree = sg.prepare(series, inputs=["load"], outputs=["load"], history=8, horizon=2, split_by="time")
    assert not between(sg.audit(tree))
    found = between(sg.audit(series.isel(time=slice(0, 70)), parts={"test": series.isel(time=slice(60, 100))}))
    assert found == [("overlap in time", "test", ())]


def test_parts_without_a_common_field(flows: xr.Dataset) -> None:
    other = flows[["u"]].rename(u="speed")
    report = sg.audit(flows[["u"]], parts={"test": other})
    assert report.not_applicable["overlap of parts"] == "'train' and 'test' have no field in common"


def test_parts_need_other_names(flows: xr.Dataset) -> None:
    tree = sg.prepare(flows, inputs=["u"], outputs=["u"])
    with pytest.raises(sg.InputError, match="Expected parts of other names"):
        sg.audit(tree, parts={"test": flows})
