"""`fields.check` says precisely what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from surrogate.datasets import Grid, InputError, fields, prepare

UNITS = {"units": "1"}
GRID = Grid(shape=(4, 5), extent=(1.0, 2.0))


def good() -> xr.Dataset:
    values = np.random.default_rng(0).normal(size=(3, 2, 4, 5))
    time = xr.Variable("time", [0.0, 0.5], {"units": "s"})
    return xr.Dataset(
        {
            "u": (("sample", "time", "x", "y"), values.astype("float32"), UNITS),
            "coefficient": (("x", "y"), values[0, 0], UNITS),
            "viscosity": (("sample",), [0.1, 0.2, 0.3], UNITS),
            "label": (("sample",), [1, 2, 3], UNITS),
        },
        coords={"time": time, **GRID.coordinates("m")},
    )


def test_good_fields_come_back_as_they_are() -> None:
    assert fields.check(good()).identical(good())
    assert fields.check(good()["u"]).identical(good()[["u"]])


def without_units(name: str) -> Callable[[xr.Dataset], xr.Dataset]:
    def spoil(dataset: xr.Dataset) -> xr.Dataset:
        del dataset[name].attrs["units"]
        return dataset

    return spoil


WRONG: dict[str, tuple[Callable[[xr.Dataset], Any], str]] = {
    "no variables": (lambda d: d.drop_vars(list(d.data_vars)), "at least one field"),
    "dimension name": (
        lambda d: d.rename_dims(sample="case"),
        "dimensions of 'u' out of sample, time, x, y, z, node, cell, got 'case'",
    ),
    "order": (lambda d: d.transpose("time", "sample", ...), r"order \('sample', 'time', 'x', 'y'\).*fields.transpose"),
    "units of a field": (without_units("u"), r"units on 'u', got none. Set fields\['u'\].attrs"),
    "units of an axis": (without_units("x"), "units on 'x'"),
    "coordinate": (lambda d: d.drop_vars("x"), "a coordinate for dimension 'x'"),
    "time coordinate": (lambda d: d.drop_vars("time"), "a coordinate for dimension 'time'"),
    "unsorted time": (lambda d: d.isel(time=[1, 0]), "an increasing time axis"),
    "unsorted axis": (lambda d: d.isel(x=[1, 0, 2, 3]), "uniform, increasing axis 'x'"),
    "gap in an axis": (lambda d: d.isel(y=[0, 1, 2, 4]), "uniform, increasing axis 'y'"),
    "complex": (lambda d: d.assign(u=d["u"] * 1j), r"float32 or float64 in 'u', got complex64.*astype\('float32'\)"),
    "integer": (lambda d: d.assign(u=d["u"].astype(int)), "in 'u', got int64"),
    "half": (lambda d: d.assign(u=d["u"].astype("float16")), "in 'u', got float16"),
    "object": (lambda d: d.assign(u=d["u"].astype(object)), "in 'u', got object"),
    "text in time": (lambda d: d.assign_coords(time=("time", ["a", "b"], UNITS)), "numbers in 'time', got <U1"),
    "text in space": (lambda d: d.assign_coords(x=("x", list("abcd"), UNITS)), "numbers in 'x', got <U1"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_breaks_the_convention_is_named(what: str) -> None:
    spoil, message = WRONG[what]
    dataset = good()
    attrs = {name: dict(variable.attrs) for name, variable in dataset.variables.items()}
    with xr.set_options(keep_attrs=True):
        spoiled = spoil(dataset)
    for name, kept in attrs.items():  # one fault at a time
        if name in spoiled.variables and "units" not in what:
            spoiled[name].attrs.update(kept)
    with pytest.raises(InputError, match=message):
        fields.check(spoiled)


@given(
    where=st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 3), st.integers(0, 4)),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_values_that_are_not_finite_are_located(where: tuple[int, int, int, int], value: float) -> None:
    dataset = good()
    dataset["u"].values[where] = value
    sample, time, x, y = where
    message = rf"finite values in 'u', got 1 .* sample {sample}, the first at {{'time': {time}, 'x': {x}, 'y': {y}}}"
    with pytest.raises(InputError, match=message):
        fields.check(dataset)
    fields.check(dataset, values=False)


def test_values_of_a_field_without_samples_are_looked_at_too() -> None:
    dataset = good()
    dataset["coefficient"].values[1, 2] = np.nan
    with pytest.raises(InputError, match=r"'coefficient'.*{'x': 1, 'y': 2}"):
        fields.check(dataset)


def test_a_tree_needs_a_chosen_part() -> None:
    tree = prepare(good(), inputs=["u"], outputs=["u"], split=(1, 1, 1))
    with pytest.raises(InputError, match=r'one part of the data, got all of .*Choose one, such as data\["test"\]'):
        fields.check(tree)
    assert fields.check(tree["test"]).sizes["sample"] == 1


def test_uniform_step() -> None:
    dataset = xr.Dataset(coords={"time": ("time", np.linspace(1, 2, 11, dtype="float32"))})
    assert fields.uniform_step(dataset) == pytest.approx(0.1, rel=1e-6)  # single precision
    with pytest.raises(InputError, match="at least two times, got 1"):
        fields.uniform_step(dataset.isel(time=[0]))
    with pytest.raises(InputError, match=r"uniform time axis, got steps between 0.1 and 0.2"):
        fields.uniform_step(dataset.isel(time=[0, 1, 3]))
