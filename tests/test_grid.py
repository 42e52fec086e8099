"""Grid against hand values, exact integrals and its own round trip through a file."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from surrogate.datasets import Grid, InputError, open_dataset, save_dataset

LOCATIONS = ("node", "cell")


@pytest.mark.parametrize(
    ("periodic", "location", "points", "spacing"),
    [
        (True, "node", [1.0, 1.5, 2.0, 2.5], 0.5),
        (True, "cell", [1.25, 1.75, 2.25, 2.75], 0.5),
        (False, "cell", [1.25, 1.75, 2.25, 2.75], 0.5),
        (False, "node", [1.0, 1 + 2 / 3, 1 + 4 / 3, 3.0], 2 / 3),
    ],
)
def test_points_and_spacing_of_the_four_kinds_of_axis(
    periodic: bool, location: str, points: list[float], spacing: float
) -> None:
    grid = Grid(shape=(4,), extent=((1.0, 3.0),), periodic=periodic, location=location)
    np.testing.assert_allclose(grid.axes[0], points, rtol=1e-15)
    assert grid.spacing[0] == pytest.approx(spacing, rel=1e-15)


def test_an_axis_takes_its_own_kind_in_three_dimensions() -> None:
    boundary = (("periodic", "periodic"), ("dirichlet", "neumann"), ("wall", "wall"))
    grid = Grid(shape=(4, 5, 3), extent=(2.0, (-1.0, 1.0), 4.0), boundary=boundary)
    assert grid.is_periodic == (True, False, False)
    assert grid.spacing == (0.5, 0.5, 2.0)
    assert [axis[-1] for axis in grid.axes] == [1.5, 1.0, 4.0]
    assert grid.with_shape((8, 9, 5)).spacing == (0.25, 0.25, 1.0)
    assert grid.with_shape((8, 9, 5)).boundary == boundary
    unit = grid.unit_coordinates(dtype=torch.float64)
    assert unit[1, 3, 2].tolist() == [0.25, 0.75, 1.0]


@given(n=st.integers(2, 40), low=st.floats(-10, 10), length=st.floats(0.1, 10))
def test_trapezoidal_rule_is_exact_for_linear_functions_and_the_midpoint_rule_too(
    n: int, low: float, length: float
) -> None:
    exact = length * (3 + 2 * (low + length / 2))  # of 3 + 2 x
    for location in LOCATIONS:
        grid = Grid(shape=(n,), extent=((low, low + length),), location=location)
        result = (grid.quadrature_weights[0] * (3 + 2 * grid.axes[0])).sum()
        assert result == pytest.approx(exact, rel=1e-12, abs=1e-12 * length * (3 + 2 * abs(low) + 2 * length))


@pytest.mark.parametrize(("location", "sign"), [("node", 1), ("cell", -0.5)])
def test_error_of_the_rules_for_a_square_is_the_known_one(location: str, sign: float) -> None:
    grid = Grid(shape=(9,), extent=(2.0,), location=location)
    h = grid.spacing[0]
    error = (grid.quadrature_weights[0] * grid.axes[0] ** 2).sum() - 8 / 3
    assert error == pytest.approx(sign * h**2 / 6 * 2, rel=1e-12)  # h^2 (b - a) f''/12 and half of its negative


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("n", [7, 8])
def test_periodic_rule_integrates_all_waves_below_n_exactly(location: str, n: int) -> None:
    grid = Grid(shape=(n,), extent=(3.0,), periodic=True, location=location)
    for k in range(n):
        wave = np.cos(2 * math.pi * k * grid.axes[0] / 3.0 + 0.3)
        exact = 3.0 * math.cos(0.3) if k == 0 else 0.0
        assert (grid.quadrature_weights[0] * wave).sum() == pytest.approx(exact, abs=1e-14 * n)


sides = st.one_of(
    st.just(("periodic", "periodic")), st.tuples(*[st.sampled_from(["dirichlet", "neumann", "wall"])] * 2)
)
stretchings = st.one_of(
    st.sampled_from(["uniform", "chebyshev", "points"]), st.tuples(st.just("tanh"), st.floats(0.1, 4.0))
)
axes = st.tuples(st.integers(2, 300), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), sides, stretchings)


@given(axes=st.lists(axes, min_size=1, max_size=3), location=st.sampled_from(LOCATIONS))
def test_grid_comes_back_from_its_coordinates_and_from_json(axes: list[tuple[Any, ...]], location: str) -> None:
    shape, lows, lengths, boundary, kinds = zip(*axes, strict=True)
    extent = tuple((low, low + length) for low, length in zip(lows, lengths, strict=True))
    stretching = tuple(
        points_of(n, box, sides[0], location) if kind == "points" else "uniform" if sides[0] == "periodic" else kind
        for n, box, sides, kind in zip(shape, extent, boundary, kinds, strict=True)
    )
    grid = Grid(shape=shape, extent=extent, boundary=boundary, location=location, stretching=stretching)
    assert Grid.from_fields(xr.Dataset(coords=grid.coordinates())) == grid
    stored = json.loads(json.dumps(dataclasses.asdict(grid)))
    arguments = {key: value if key == "location" else tuple(map(deep_tuple, value)) for key, value in stored.items()}
    assert Grid(**arguments) == grid


def points_of(n: int, box: tuple[float, float], side: str, location: str) -> np.ndarray:
    count = n + (location == "cell")
    fraction = np.arange(count) / (count if side == "periodic" and location == "node" else count - 1)
    return box[0] + (box[1] - box[0]) * (fraction + 0.3 * fraction * (1 - fraction))


def deep_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("stretching", ["uniform", "chebyshev", ("tanh", 2.5), "points"])
def test_grid_comes_back_from_a_file(tmp_path: Path, location: str, stretching: Any) -> None:
    boundary = (("periodic", "periodic"), ("dirichlet", "neumann"))
    if stretching == "points":
        stretching = np.linspace(-1, 1, 6 + (location == "cell")) ** 3
    grid = Grid((4, 6), (math.tau, (-1.0, 1.0)), boundary, location, ("uniform", stretching))
    variables = {"u": (("sample", "x", "y"), np.ones((1, 4, 6)), {"units": "1"})}
    save_dataset(xr.Dataset(variables, coords=grid.coordinates("m")), tmp_path / "u.h5")
    found = Grid.from_fields(open_dataset(tmp_path / "u.h5"))
    assert found == grid
    assert hash(found) == hash(grid)


def test_bare_coordinates_are_nodes_of_a_closed_axis_also_in_single_precision() -> None:
    x = np.linspace(0.5, 2.5, 1025)
    grid = Grid(shape=(1025,), extent=((0.5, 2.5),))
    assert Grid.from_fields(xr.Dataset(coords={"x": x})) == grid
    single = Grid.from_fields(xr.Dataset(coords={"x": np.linspace(1000, 1001, 1025, dtype="float32")}))
    assert single.extent == ((1000.0, 1001.0),)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (2, 2, 2, 2)}, "one to three axes, or none for series"),
        ({"shape": (1,)}, "at least 2 points along x"),
        ({"shape": (4, 4), "extent": (1.0,)}, "equal length"),
        ({"shape": (4,), "extent": ((1.0, 1.0),)}, "positive length"),
        ({"shape": (4,), "extent": ((2.0, 1.0),)}, "positive length"),
        ({"shape": (4,), "extent": (math.nan,)}, "positive length"),
        ({"shape": (4,), "boundary": (("periodic", "wall"),)}, "periodic on both sides"),
        ({"shape": (4,), "boundary": (("open", "wall"),)}, "two kinds of boundary"),
        ({"shape": (4,), "boundary": (("wall", "wall"),), "periodic": True}, "`boundary` or `periodic`"),
        ({"shape": (4,), "stretching": ("sinh",)}, "a known stretching along x, got 'sinh'"),
        ({"shape": (4,), "stretching": (("sinh", 2.0),)}, "a known stretching along x"),
        ({"shape": (4,), "stretching": (("tanh", 0.0),)}, "a strength of tanh above 0"),
        ({"shape": (4,), "stretching": (("tanh", math.nan),)}, "a strength of tanh above 0"),
        ({"shape": (4,), "stretching": ("chebyshev", "chebyshev")}, "equal length, got 1, 1, 1 and 2"),
        ({"shape": (4,), "stretching": ("chebyshev",), "periodic": True}, "a closed axis x for this stretching"),
        ({"shape": (4,), "stretching": ([[0.0, 1.0]],)}, "a list of points along x"),
        ({"shape": (4,), "stretching": ([0.0, 0.5, 1.0],)}, "4 values for x: points, got 3"),
        (
            {"shape": (3,), "stretching": ([0.0, 0.5, 1.0],), "location": "cell"},
            "4 values for x: edges of cells, got 3",
        ),
        ({"shape": (3,), "stretching": ([0.0, 1.0, 1.0],)}, "increasing x: points, got steps between 0 and 1"),
        ({"shape": (3,), "extent": (1.0,), "stretching": ([0.0, math.nan, 1.0],)}, "increasing x: points"),
        ({"shape": (3,), "stretching": ([0.0, 0.5, 1.0],), "extent": (2.0,)}, "points from 0 to 2, got from 0 to 1"),
        ({"shape": (3,), "stretching": ([0.0, 0.5, 1.0],), "periodic": True}, "the extent of the periodic axis x"),
        (
            {"shape": (3,), "stretching": ([0.0, 0.5, 1.0],), "periodic": True, "extent": (1.0,)},
            r"points in \[0, 1\), got from 0 to 1. Leave out the end point",
        ),
    ],
)
def test_wrong_grids_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Grid(**arguments)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([0.0, 2.0, 1.0], "increasing axis 'x'"),
        ([2.0, 1.0, 0.0], "increasing axis 'x'"),
        ([0.0, np.nan, 2.0], "increasing axis 'x'"),
        ([1.0], "at least 2 points along x"),
    ],
)
def test_axes_that_are_no_grid_are_refused(x: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Grid.from_fields(xr.Dataset(coords={"x": x}))


@pytest.mark.parametrize(
    ("grid", "change", "message"),
    [
        (
            Grid((8,), stretching=("chebyshev",)),
            {"stretching": "sine"},
            "an attribute stretching of 'x' out of uniform",
        ),
        (Grid((8,), stretching=("chebyshev",)), {"stretching": "tanh"}, "a strength of tanh"),
        (Grid((8,), stretching=("chebyshev",)), {"stretching": "uniform"}, "axis 'x' where its attributes say"),
        (Grid((8,), stretching=(("tanh", 1.0),)), {"strength": 2.0}, "axis 'x' where its attributes say"),
        (
            Grid((3,), stretching=([0.0, 1, 3, 4],), location="cell"),
            {"edges": None},
            "the edges of the cells along 'x'",
        ),
        (
            Grid((3,), stretching=([0.0, 1, 3, 4],), location="cell"),
            {"edges": [0, 2, 3, 4]},
            "where its attributes say",
        ),
    ],
)
def test_attributes_that_do_not_fit_are_refused(grid: Grid, change: dict[str, Any], message: str) -> None:
    fields = xr.Dataset(coords=grid.coordinates())
    for key, value in change.items():
        fields["x"].attrs[key] = value
        if value is None:
            del fields["x"].attrs[key]
    with pytest.raises(InputError, match=message):
        Grid.from_fields(fields)


@pytest.mark.parametrize("kind", ["chebyshev", ("tanh", 2.0)])
@pytest.mark.parametrize("location", LOCATIONS)
def test_part_of_a_stretched_axis_is_refused_too(kind: Any, location: str) -> None:
    fields = xr.Dataset(coords=Grid((8,), stretching=(kind,), location=location).coordinates())
    with pytest.raises(InputError, match="Part of an axis is no grid of the whole"):
        Grid.from_fields(fields.isel(x=slice(5)))


def test_part_of_an_axis_is_refused_with_the_reason() -> None:
    fields = xr.Dataset(coords=Grid(shape=(8,), periodic=True).coordinates())
    with pytest.raises(InputError, match=r"points from 0 to 0.375 on \[0.0, 1.0\]. Part of an axis"):
        Grid.from_fields(fields.isel(x=slice(4)))


def test_series_lie_on_a_point() -> None:
    grid = Grid.from_fields(xr.Dataset({"load": (("sample", "time"), np.ones((2, 3)))}))
    assert grid == Grid(shape=())
    assert (grid.dim, grid.names, grid.axes, grid.quadrature_weights, grid.coordinates()) == (0, (), (), (), {})


def test_fields_without_space_or_coordinate_are_refused() -> None:
    with pytest.raises(InputError, match="dimension x"):
        Grid.from_fields(xr.Dataset({"u": ("node", np.ones(3))}))
    with pytest.raises(InputError, match="coordinate for dimension 'x'"):
        Grid.from_fields(xr.Dataset({"u": ("x", np.ones(3))}))
