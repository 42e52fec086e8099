"""Axes whose points are not equally spaced: where the points are, and what the quadrature is exact for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from surrogate.datasets import Grid, InputError

LOCATIONS = ("node", "cell")


def test_points_of_each_kind() -> None:
    c = math.cos(math.pi / 4)
    nodes = Grid((5,), extent=((-1.0, 1.0),), stretching=("chebyshev",))
    np.testing.assert_allclose(nodes.axes[0], [-1, -c, 0, c, 1], atol=1e-15)
    cells = Grid((5,), extent=((-1.0, 1.0),), stretching=("chebyshev",), location="cell")
    roots = np.polynomial.chebyshev.chebroots([0, 0, 0, 0, 0, 1])
    np.testing.assert_allclose(cells.axes[0], roots * math.cos(math.pi / 10), atol=1e-15)
    walls = Grid((5,), extent=((-1.0, 1.0),), stretching=(("tanh", 2.0),))
    np.testing.assert_allclose(walls.axes[0][1:4], np.array([-1, 0, 1]) * math.tanh(1) / math.tanh(2), atol=1e-15)
    given = Grid((2,), stretching=([1.0, 2.0, 6.0],), location="cell")
    assert (given.axes[0].tolist(), given.extent, given.is_uniform) == ([1.5, 4.0], ((1.0, 6.0),), (False,))
    assert given.unit_coordinates(dtype=torch.float64).flatten().tolist() == pytest.approx([0.1, 0.6])


@pytest.mark.parametrize("n", [2, 3, 8, 9, 64])
def test_clenshaw_curtis_is_exact_for_polynomials_below_degree_n(n: int) -> None:
    grid = Grid((n,), extent=((-1.0, 1.0),), stretching=("chebyshev",))
    for degree in range(n):
        basis = np.polynomial.Legendre.basis(degree)(grid.axes[0])  # their integrals vanish, but that of 1
        assert grid.quadrature_weights[0] @ basis == pytest.approx(2.0 * (degree == 0), abs=1e-14 * n)
    assert grid.quadrature_weights[0].min() > 0


@given(
    n=st.integers(2, 60), low=st.floats(-10, 10), length=st.floats(0.1, 10),
    kind=st.one_of(st.just("chebyshev"), st.tuples(st.just("tanh"), st.floats(0.1, 4.0))),
    location=st.sampled_from(LOCATIONS),
)  # fmt: skip
def test_linear_functions_are_integrated_exactly(n: int, low: float, length: float, kind: Any, location: str) -> None:
    grid = Grid((n,), extent=((low, low + length),), location=location, stretching=(kind,))
    scale = length * (abs(low) + length)
    integral = grid.quadrature_weights[0] @ grid.axes[0]
    assert integral == pytest.approx(length * (low + length / 2), abs=1e-14 * n * scale)
    edges = grid.parts[0].edges
    assert (edges[:-1] < grid.axes[0] + 1e-14 * length).all()
    assert (grid.axes[0] < edges[1:] + 1e-14 * length).all()


@pytest.mark.parametrize(("kind", "periodic"), [("tanh", False), ("points", False), ("points", True)])
@pytest.mark.parametrize("location", LOCATIONS)
def test_other_rules_are_of_second_order(kind: str, periodic: bool, location: str) -> None:
    intervals, errors = [], []
    for n in (40, 80):
        intervals.append(n - (location == "node" and not periodic))
        fraction = np.arange(n + (location == "cell")) / intervals[-1]
        points = fraction + 0.1 * np.sin(2 * np.pi * fraction)
        stretching = ("tanh", 2.0) if kind == "tanh" else points
        grid = Grid((n,), extent=(1.0,), periodic=periodic, location=location, stretching=(stretching,))
        function = np.exp(np.sin(2 * np.pi * grid.axes[0] + 1)) if periodic else np.exp(grid.axes[0])
        exact = np.i0(1.0) if periodic else math.e - 1
        errors.append(abs(grid.quadrature_weights[0] @ function - exact))
    order = math.log(errors[0] / errors[1]) / math.log(intervals[1] / intervals[0])
    assert order == pytest.approx(2, abs=0.02)  # the next term is of order four in steps of 1/40


def test_a_periodic_axis_of_given_points_wraps_its_weights() -> None:
    grid = Grid((3,), extent=((1.0, 2.0),), periodic=True, stretching=([1.1, 1.4, 1.8],))
    np.testing.assert_allclose(grid.quadrature_weights[0], [0.3, 0.35, 0.35])
    np.testing.assert_allclose(grid.parts[0].edges, [0.95, 1.25, 1.6, 1.95])
    cells = Grid((3,), periodic=True, location="cell", stretching=([1.0, 1.1, 1.4, 2.0],))
    assert cells.extent == ((1.0, 2.0),)
    np.testing.assert_allclose(cells.quadrature_weights[0], [0.1, 0.3, 0.6])


def test_shape_can_change_unless_the_points_were_given() -> None:
    grid = Grid((5, 3), stretching=("chebyshev", [0.0, 0.2, 1.0]))
    finer = grid.with_shape((9, 3))
    assert finer == Grid((9, 3), stretching=("chebyshev", [0.0, 0.2, 1.0]))
    np.testing.assert_allclose(finer.axes[0][::2], grid.axes[0], atol=1e-15)
    with pytest.raises(InputError, match="3 points along y, which were given one by one, got 5"):
        grid.with_shape((5, 5))


def test_there_is_no_spacing() -> None:
    with pytest.raises(InputError, match=r"uniform axes for a spacing, got the stretching \('tanh',"):
        Grid((5,), stretching=(("tanh", 1.0),)).spacing  # noqa: B018


def test_bare_coordinates_that_are_not_equally_spaced_are_a_stretched_axis() -> None:
    x = [0.0, 1.0, 2.5]
    assert Grid.from_fields(xr.Dataset(coords={"x": x})) == Grid((3,), stretching=(x,))
    chebyshev = Grid((9,), extent=((-1.0, 2.0),), stretching=("chebyshev",))
    coordinate = xr.Variable("x", chebyshev.axes[0].astype("float32"), {"stretching": "chebyshev"})
    assert Grid.from_fields(xr.Dataset(coords={"x": coordinate})) == chebyshev
