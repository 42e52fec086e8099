"""Values at points, interpolated; beyond periodic sides the field goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from surrogate.datasets import Grid, InputError, probe
from surrogate.datasets.fields import check


def plane(grid: Grid) -> xr.Dataset:
    """Return a function that is linear along closed axes."""
    x, y = np.meshgrid(*grid.axes, indexing="ij")
    values = np.stack([t + 2 * x - 3 * y for t in (0.0, 10.0)])[None]
    time = xr.Variable("time", [0.0, 1.0], {"units": "s"})
    variables = {"u": (("sample", "time", "x", "y"), values, {"units": "m"}), "a": (("sample",), [2.0], {"units": "1"})}
    return xr.Dataset(variables, coords={"time": time, **grid.coordinates()})


@pytest.mark.parametrize("stretching", [(), ("chebyshev", ("tanh", 2.0))])
def test_linear_fields_are_met_exactly(stretching: tuple[Any, ...]) -> None:
    grid = Grid(shape=(5, 8), extent=((1.0, 2.0), 4.0), stretching=stretching)
    series = check(probe(plane(grid), {"x": [1.0, 1.3, 2.0], "y": [0.0, 3.1, 4.0]}))
    assert set(series.data_vars) == {"u_0", "u_1", "u_2", "a"}
    assert dict(series.sizes) == {"sample": 1, "time": 2}
    np.testing.assert_allclose(series["u_1"].values, [[2.6 - 9.3, 12.6 - 9.3]], rtol=0, atol=1e-12)
    assert series["u_1"].attrs == {"units": "m", "long_name": "u at x = 1.3, y = 3.1"}


def test_periodic_axes_go_around() -> None:
    grid = Grid(shape=(10,), extent=(1.0,), periodic=True)
    values = np.sin(2 * np.pi * grid.axes[0])
    fields = xr.Dataset({"u": (("sample", "x"), values[None], {"units": "1"})}, coords=grid.coordinates())
    found = probe(fields, {"x": [0.95, -0.05, 0.2, 3.2]})
    assert float(found["u_0"][0]) == pytest.approx((values[9] + values[0]) / 2, abs=1e-14)
    assert float(found["u_1"][0]) == pytest.approx(float(found["u_0"][0]), abs=1e-12)
    assert float(found["u_2"][0]) == pytest.approx(values[2], abs=1e-14)
    assert float(found["u_3"][0]) == pytest.approx(values[2], abs=1e-12)


def test_beyond_the_last_cell_center_the_value_goes_on() -> None:
    grid = Grid(shape=(4,), location="cell")
    fields = xr.Dataset({"u": (("sample", "x"), grid.axes[0][None], {"units": "1"})}, coords=grid.coordinates())
    found = probe(fields, {"x": [0.0, 0.25, 1.0]})
    assert [float(found[f"u_{i}"][0]) for i in range(3)] == pytest.approx([0.125, 0.25, 0.875])


def test_fields_over_some_axes_are_interpolated_along_these() -> None:
    grid = Grid(shape=(5, 8), extent=((1.0, 2.0), 4.0))
    fields = plane(grid).assign(inflow=(("sample", "y"), 7 * grid.axes[1][None], {"units": "m"}))
    series = check(probe(fields, {"x": [1.2, 1.6], "y": [3.1, 0.3]}))
    assert series["inflow_0"].values == pytest.approx([21.7])
    assert series["inflow_1"].values == pytest.approx([2.1])


def test_points_that_cannot_be_are_refused() -> None:
    fields = plane(Grid(shape=(5, 8), extent=((1.0, 2.0), 4.0)))
    with pytest.raises(InputError, match=r"points in \[1, 2\] along x, got x = 2.5, outside by 0.5"):
        probe(fields, {"x": [1.5, 2.5], "y": [1.0, 1.0]})
    with pytest.raises(InputError, match=r"points in \[0, 4\] along y, got y = nan"):
        probe(fields, {"x": [1.5, 1.5], "y": [1.0, np.nan]})
    with pytest.raises(InputError, match=r"equally many coordinates along each of \('x', 'y'\), got {'x': 1}"):
        probe(fields, {"x": [1.5]})
    with pytest.raises(InputError, match=r"got {'x': 1, 'y': 2}"):
        probe(fields, {"x": [1.5], "y": [1.0, 2.0]})
