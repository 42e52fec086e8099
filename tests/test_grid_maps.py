"""From grid to grid: orders of convergence, what is reproduced, what is conserved."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from surrogate.datasets import Grid, InputError, resample, resampling
from surrogate.datasets.transfer.grid_weights import grid_weights

DOUBLE = torch.float64
KINDS = ("uniform", "chebyshev", ("tanh", 2.0), "points")


def axis_of(kind: Any, n: int, location: str, extent: tuple[float, float] = (-1.0, 2.0)) -> Grid:
    """Return a closed axis; the listed points are those of a smooth stretching, so that it can be refined."""
    if kind == "points":
        low, high = extent
        fraction = np.linspace(0, 1, n + (location == "cell"))
        kind = low + (high - low) * (fraction + 0.1 * np.sin(2 * np.pi * fraction))
    return Grid((n,), extent=(extent,), location=location, stretching=(kind,))


def integral(grid: Grid, values: Tensor) -> Tensor:
    return values.flatten(-grid.dim) @ torch.from_numpy(grid_weights(grid))


def sampled(grid: Grid, function: Any) -> Tensor:
    return torch.from_numpy(function(*np.meshgrid(*grid.axes, indexing="ij")))


def cell_means(grid: Grid, antiderivative: Any) -> Tensor:
    edges = grid.parts[0].edges
    return torch.from_numpy(np.diff(antiderivative(edges)) / np.diff(edges))


def orders(ns: list[int], errors: list[float]) -> np.ndarray:
    return -np.diff(np.log(errors)) / np.diff(np.log(ns))


@pytest.mark.parametrize("location", ["node", "cell"])
@pytest.mark.parametrize("kind", KINDS)
class TestLinear:
    def test_order_two_up_to_the_sides(self, kind: Any, location: str) -> None:
        target = Grid((77,), extent=((-1.0, 2.0),))
        ns, errors = [40, 80, 160], []
        for n in ns:
            source = axis_of(kind, n, location)
            found = resampling(source, target, dtype=DOUBLE)(sampled(source, lambda x: np.sin(2 * x)))
            errors.append((found - sampled(target, lambda x: np.sin(2 * x))).abs().max().item())
        # the largest error is h^2/8 |u''| at points that fall anywhere between neighbors: up to 15 % off on 77 points
        assert orders(ns, errors) == pytest.approx([2, 2], abs=0.2)

    def test_linear_functions_are_reproduced(self, kind: Any, location: str) -> None:
        source, target = axis_of(kind, 9, location), axis_of("points", 14, "cell", (-1.0, 1.5))
        found = resampling(source, target, dtype=DOUBLE)(sampled(source, lambda x: 3 - 2 * x))
        assert found == pytest.approx(sampled(target, lambda x: 3 - 2 * x), abs=1e-13)


@pytest.mark.parametrize("location", ["node", "cell"])
class TestConservative:
    @pytest.mark.parametrize("old", KINDS)
    @pytest.mark.parametrize("new", KINDS)
    @pytest.mark.parametrize("n", [5, 31])
    def test_integral_and_bounds_are_kept_between_any_two_axes(self, old: Any, new: Any, n: int, location: str) -> None:
        source, target = axis_of(old, 12, location), axis_of(new, n, "cell" if n == 5 else "node")
        mapping = resampling(source, target, method="conservative", dtype=DOUBLE)
        u = torch.randn(4, 12, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
        found = mapping(u)
        torch.testing.assert_close(integral(target, found), integral(source, u), rtol=0, atol=1e-14 * 3 * 12)
        assert found.max() <= u.max() * (1 + 1e-14)
        assert found.min() >= u.min() * (1 + 1e-14)
        assert mapping(torch.ones(12, dtype=DOUBLE)) == pytest.approx(torch.ones(n, dtype=DOUBLE), abs=1e-14)

    @pytest.mark.parametrize("kind", KINDS)
    def test_order_one_where_cells_are_cut(self, kind: Any, location: str) -> None:
        ns, errors = [30, 60, 120, 240], []
        for n in ns:
            source, target = axis_of(kind, n, location), axis_of(kind, 3 * n // 2, "cell")
            means = cell_means(source, np.cos)
            found = resampling(source, target, method="conservative", dtype=DOUBLE)(means)
            errors.append((found - cell_means(target, np.cos)).abs().max().item())
        assert orders(ns, errors) == pytest.approx([1, 1, 1], abs=0.1)

    def test_means_over_whole_cells_are_exact(self, location: str) -> None:
        source = axis_of(("tanh", 2.0), 24, "cell")
        target = axis_of(("tanh", 2.0), 8, "cell")
        found = resampling(source, target, method="conservative", dtype=DOUBLE)(cell_means(source, np.cos))
        assert found == pytest.approx(cell_means(target, np.cos), abs=1e-14)


def test_part_of_the_box_keeps_the_integral_over_it() -> None:
    source, target = Grid((6,), location="cell"), Grid((2,), extent=((0.25, 0.75),), location="cell")
    found = resampling(source, target, method="conservative", dtype=DOUBLE)(torch.arange(6.0, dtype=DOUBLE))
    assert found.tolist() == pytest.approx([(1 * 1 / 12 + 2 * 1 / 6) * 4, (3 * 1 / 6 + 4 * 1 / 12) * 4])


@given(
    old=st.integers(2, 40), new=st.integers(2, 40), locations=st.tuples(*[st.sampled_from(["node", "cell"])] * 2),
    low=st.floats(-100, 100), length=st.floats(0.01, 100),
)  # fmt: skip
def test_periodic_axes_keep_the_integral_and_linear_maps_the_constants(
    old: int, new: int, locations: tuple[str, str], low: float, length: float
) -> None:
    source, target = (
        Grid((n,), extent=((low, low + length),), periodic=True, location=location)
        for n, location in zip((old, new), locations, strict=True)
    )
    u = torch.cos(torch.arange(old, dtype=DOUBLE))
    found = resampling(source, target, method="conservative", dtype=DOUBLE)(u)
    # round-off of the coordinates, relative to the widths of the cells
    slack = 1e-15 * (abs(low) + length) * max(old, new) * 4
    assert integral(target, found).item() == pytest.approx(integral(source, u).item(), abs=slack + 1e-13 * length)
    ones = resampling(source, target, dtype=DOUBLE)(torch.ones(old, dtype=DOUBLE))
    assert ones == pytest.approx(torch.ones(new, dtype=DOUBLE), abs=1e-12)


def test_linear_wraps_around_a_periodic_axis_of_given_points() -> None:
    source = Grid((3,), extent=(1.0,), periodic=True, stretching=([0.1, 0.4, 0.8],))
    target = Grid((4,), extent=(1.0,), periodic=True)
    found = resampling(source, target, dtype=DOUBLE)(torch.tensor([1.0, 4.0, 4.0], dtype=DOUBLE))
    assert found.tolist() == pytest.approx([2.0, 2.5, 4.0, 4.0])  # 0 lies two thirds of the way from 0.8 to 1.1


class TestSpectral:
    @pytest.mark.parametrize("new", [6, 9, 12, 16, 31])
    @pytest.mark.parametrize("locations", [("node", "node"), ("node", "cell"), ("cell", "node")])
    def test_band_limited_fields_are_exact_and_keep_mean_and_norm(self, new: int, locations: tuple[str, str]) -> None:
        def wave(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return 0.3 + np.cos(np.pi * (2 * x + y) + 0.4) + np.sin(np.pi * (x - 2 * y))

        source, target = (
            Grid((n, n + 1), extent=((-1.0, 1.0), (0.0, 2.0)), periodic=True, location=location)
            for n, location in zip((12, new), locations, strict=True)
        )
        u, exact = sampled(source, wave), sampled(target, wave)
        found = resampling(source, target, method="spectral", dtype=DOUBLE)(u)
        assert found == pytest.approx(exact, abs=1e-13)
        assert integral(target, found).item() == pytest.approx(integral(source, u).item(), abs=1e-13)
        assert integral(target, found**2).item() == pytest.approx(integral(source, u**2).item(), abs=1e-13)

    @pytest.mark.parametrize("new", [4, 7, 16])
    def test_the_mean_of_any_samples_is_kept(self, new: int) -> None:
        u = torch.randn(9, 8, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
        mapping = resampling(Grid((9, 8), periodic=True), Grid((new, new), periodic=True), method="spectral")
        assert mapping(u).mean().item() == pytest.approx(u.mean().item(), abs=1e-15)

    @pytest.mark.parametrize("location", ["node", "cell"])
    @pytest.mark.parametrize("target", [axis_of(kind, 17, "node") for kind in KINDS] + [axis_of("uniform", 6, "cell")])
    def test_polynomials_through_chebyshev_points_are_exact(self, target: Grid, location: str) -> None:
        source = axis_of("chebyshev", 9, location)
        polynomial = np.polynomial.Polynomial([1, -2, 0.5, 0, 1, -1, 0.2, 0.1, -0.3])  # degree 8
        found = resampling(source, target, method="spectral", dtype=DOUBLE)(sampled(source, polynomial))
        # values up to 60 on [-1, 2], and a Lebesgue constant below 10
        assert found == pytest.approx(sampled(target, polynomial), abs=1e-13 * 60)

    @pytest.mark.parametrize("location", ["node", "cell"])
    def test_error_falls_with_the_ellipse_of_analyticity(self, location: str) -> None:
        target = Grid((101,), extent=((-1.0, 1.0),))
        errors = []
        for n in (21, 41):
            source = axis_of("chebyshev", n, location, (-1.0, 1.0))
            found = resampling(source, target, method="spectral", dtype=DOUBLE)(
                sampled(source, lambda x: 1 / (1 + 4 * x**2))
            )
            errors.append((found - sampled(target, lambda x: 1 / (1 + 4 * x**2))).abs().max().item())
        rho = (1 + 5**0.5) / 2  # poles at +-i/2: rho = 1/2 + sqrt(1 + 1/4)
        assert np.log(errors[0] / errors[1]) / 20 == pytest.approx(np.log(rho), rel=0.05)

    def test_a_channel_is_periodic_along_and_chebyshev_across(self) -> None:
        boundary = (("periodic", "periodic"), ("wall", "wall"))
        make = functools.partial(Grid, extent=(2.0, (-1.0, 1.0)), boundary=boundary)
        source = make((8, 9), stretching=("uniform", "chebyshev"))
        target = make((12, 15), stretching=("uniform", ("tanh", 1.5)))

        def flow(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return np.sin(2 * np.pi * x) * (1 - y**2) * y + y**8

        found = resampling(source, target, method="spectral", dtype=DOUBLE)(sampled(source, flow))
        assert found == pytest.approx(sampled(target, flow), abs=1e-13)


@pytest.mark.parametrize("method", ["linear", "conservative"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_tensor_products_in_one_to_three_dimensions(method: str, dim: int) -> None:
    """Products of one function an axis become products of what becomes of each."""
    boundary = (("periodic", "periodic"), ("wall", "wall"), ("dirichlet", "neumann"))[:dim]
    source = Grid((5, 6, 4)[:dim], boundary=boundary, stretching=("uniform", "chebyshev", ("tanh", 1.0))[:dim])
    target = Grid((7, 3, 8)[:dim], boundary=boundary, stretching=("uniform", ("tanh", 2.0), "uniform")[:dim])
    factors = [torch.from_numpy(np.cos(3 * axis + i)) for i, axis in enumerate(source.axes)]
    mapped = [
        resampling(
            Grid((old.n,), boundary=(sides,), stretching=(old.stretching,)),
            Grid((new.n,), boundary=(sides,), stretching=(new.stretching,)),
            method=method,
            dtype=DOUBLE,
        )(factor)
        for old, new, sides, factor in zip(source.parts, target.parts, boundary, factors, strict=True)
    ]
    product = functools.reduce(lambda a, b: a[..., None] * b, factors)
    found = resampling(source, target, method=method, dtype=DOUBLE)(product)
    assert found == pytest.approx(functools.reduce(lambda a, b: a[..., None] * b, mapped), abs=1e-13)
    if method == "conservative":
        assert integral(target, found).item() == pytest.approx(integral(source, product).item(), abs=1e-13)


def fields(grid: Grid, dtype: str = "float32") -> xr.Dataset:
    x, y = np.meshgrid(*grid.axes, indexing="ij")
    attrs = {"units": "m/s", "long_name": "velocity", "role": "state"}
    frames = np.stack([[x + k * y + s for k in range(3)] for s in range(2)]).astype(dtype)
    return xr.Dataset(
        {
            "u": (("sample", "time", "x", "y"), frames, attrs),
            "inflow": (("sample", "y"), frames[:, 0, 0], {"units": "m/s"}),
            "viscosity": (("sample",), np.array([0.1, 0.2]), {"units": "1"}),
        },
        {"time": ("time", [0.0, 1.0, 2.0], {"units": "s"}), **grid.coordinates("km")},
        {"source": "made up"},
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fields_come_back_on_the_other_grid(dtype: str) -> None:
    source = Grid((6, 9), extent=(2.0, (-1.0, 1.0)), stretching=("uniform", "chebyshev"))
    target = Grid((4, 5), extent=(2.0, (-1.0, 1.0)), location="cell")
    given, found = fields(source, dtype), resample(fields(source, dtype), target)
    expected = fields(target, dtype).assign_coords(time=given["time"])
    expected["inflow"] = (("sample", "y"), (target.axes[1] * 0 + np.arange(2)[:, None]).astype(dtype), {"units": "m/s"})
    xr.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == "float32" else 1e-13)
    assert Grid.from_fields(found) == target
    assert found.attrs == given.attrs
    assert found["u"].dtype == dtype
    assert found["u"].attrs == given["u"].attrs
    assert found["x"].attrs["units"] == "km"
    assert found["viscosity"].identical(given["viscosity"])
    xr.testing.assert_identical(resample(given, source), given)


def test_gradients_flow_and_single_precision_stays() -> None:
    mapping = resampling(Grid((5,)), Grid((9,)), method="linear")
    u = torch.ones(2, 5, requires_grad=True)
    found = mapping(u)
    assert found.dtype == torch.float32
    found.sum().backward()
    torch.testing.assert_close(u.grad, torch.tensor([[1.5, 2, 2, 2, 1.5]] * 2))


LINE, RING = Grid((5,)), Grid((5,), periodic=True)
WRONG: dict[str, tuple[Grid, Grid, str, str]] = {
    "method": (LINE, LINE, "cubic", "a method out of linear, spectral, conservative, got 'cubic'"),
    "dimension": (LINE, Grid((5, 5)), "linear", "a target of 1 axes, got one of 2"),
    "series": (Grid(()), Grid(()), "linear", "a target of 0 axes"),
    "kind": (LINE, RING, "linear", "a target with a closed axis x, got a periodic one"),
    "other kind": (RING, LINE, "linear", "a target with a periodic axis x, got a closed one"),
    "period": (RING, Grid((5,), extent=(2.0,), periodic=True), "linear", "the extent 0 to 1 along x, got 0 to 2"),
    "outside": (LINE, Grid((5,), extent=((0.5, 1.5),)), "conservative", "a target from 0 to 1 along x, got 0.5 to 1.5"),
    "closed": (LINE, Grid((7,)), "spectral", "an axis x that is periodic or of Chebyshev points, got another closed"),
    "stretched": (
        Grid((2,), extent=(1.0,), periodic=True, stretching=([0.0, 0.3],)), RING, "spectral",
        "a uniform axis x on both grids for Fourier modes, got a stretched one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_is_refused(what: str) -> None:
    source, target, method, message = WRONG[what]
    with pytest.raises(InputError, match=message):
        resampling(source, target, method=method)


def test_values_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"values of shape \(..., \(5,\)\)"):
        resampling(LINE, Grid((7,)))(torch.ones(2, 6))
