"""Uniform tensor-product grids."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.errors import expected

AXES = ("x", "y", "z")
SIDES = ("periodic", "dirichlet", "neumann", "wall")

Extent = tuple[float, float]
Sides = tuple[str, str]


@dataclass(frozen=True)
class Grid:
    r"""A uniform grid on the box :math:`\prod_i [a_i, b_i]` in one to three dimensions.

    Series without space lie on ``Grid(shape=())``, a single point without axes.

    Axis :math:`i` has :math:`n_i` points. The points are

    - periodic, ``location="node"``: :math:`a + j (b - a)/n` (the end point is the first point again and is left out),
    - otherwise, ``location="node"``: :math:`a + j (b - a)/(n - 1)` (both ends are points),
    - ``location="cell"``: :math:`a + (j + 1/2) (b - a)/n` (centers of ``n`` equal cells).

    Parameters
    ----------
    shape
        Number of points along x, y, z.
    extent
        For each axis its length, or ``(low, high)``. Default: the unit box.
    boundary
        For each axis the kinds of its ``(low, high)`` sides: ``periodic``, ``dirichlet``, ``neumann`` or ``wall``
        (a closed side whose condition is not further stated). Default: ``wall`` everywhere.
    periodic
        Shorthand: ``True`` makes every side periodic.
    location
        ``"node"`` or ``"cell"``.

    Raises
    ------
    InputError
        Unknown kind of boundary, an axis that is periodic on one side only, lengths that do not match, no extent.

    Examples
    --------
    >>> Grid(shape=(4,), periodic=True).axes[0].tolist()
    [0.0, 0.25, 0.5, 0.75]
    """

    shape: tuple[int, ...]
    extent: tuple[Any, ...] = ()  # of Extent, once made; the constructor also takes lengths
    boundary: tuple[Sides, ...] = ()
    location: Literal["node", "cell"] = "node"
    periodic: InitVar[bool | None] = None

    def __post_init__(self, periodic: bool | None) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) > 3:
            raise expected("one to three axes, or none for series", shape, "Give the number of points along x, y, z.")
        extent = tuple(_interval(e) for e in (self.extent or (1.0,) * len(shape)))
        if periodic is not None and self.boundary:
            raise expected("`boundary` or `periodic`", "both", "Leave one out.")
        kind = "periodic" if periodic else "wall"
        boundary = tuple(cast(Sides, tuple(sides)) for sides in (self.boundary or ((kind, kind),) * len(shape)))
        if not len(shape) == len(extent) == len(boundary):
            got = f"{len(shape)}, {len(extent)} and {len(boundary)}"
            raise expected("shape, extent and boundary of equal length", got, "Give one entry for each axis.")
        if self.location not in ("node", "cell"):
            raise expected("location 'node' or 'cell'", repr(self.location), "Say where in a cell the values lie.")
        for name, n, sides in zip(AXES, shape, boundary, strict=False):
            _check_axis(name, n, sides)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "extent", extent)
        object.__setattr__(self, "boundary", boundary)

    @property
    def dim(self) -> int:
        """Number of space dimensions."""
        return len(self.shape)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes: the first ``dim`` of x, y, z."""
        return AXES[: self.dim]

    @property
    def lengths(self) -> tuple[float, ...]:
        """Length of the box along each axis."""
        return tuple(high - low for low, high in self.extent)

    @property
    def is_periodic(self) -> tuple[bool, ...]:
        """For each axis, whether it is periodic."""
        return tuple(sides[0] == "periodic" for sides in self.boundary)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance between neighboring points along each axis."""
        return tuple(
            length / (n if self.location == "cell" or wraps else n - 1)
            for length, n, wraps in zip(self.lengths, self.shape, self.is_periodic, strict=True)
        )

    @property
    def axes(self) -> tuple[np.ndarray, ...]:
        """Coordinates of the points along each axis, float64."""
        shift = 0.5 if self.location == "cell" else 0.0
        return tuple(
            low + h * (np.arange(n) + shift)
            for (low, _), h, n in zip(self.extent, self.spacing, self.shape, strict=True)
        )

    @property
    def quadrature_weights(self) -> tuple[np.ndarray, ...]:
        """Weights along each axis; their sum is its length. Trapezoidal rule at the nodes of a closed axis."""
        weights = [np.full(n, h) for n, h in zip(self.shape, self.spacing, strict=True)]
        for w, wraps in zip(weights, self.is_periodic, strict=True):
            if self.location == "node" and not wraps:
                w[[0, -1]] /= 2
        return tuple(weights)

    def unit_coordinates(self, *, dtype: torch.dtype = torch.float32, device: Any = None) -> Tensor:
        """Return the points mapped to the unit box, a tensor ``(*shape, dim)``."""
        axes = [
            torch.as_tensor((axis - low) / length, dtype=dtype, device=device)
            for axis, (low, _), length in zip(self.axes, self.extent, self.lengths, strict=True)
        ]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)

    def with_shape(self, shape: tuple[int, ...]) -> Grid:
        """Return the grid of the same box and boundary with another number of points."""
        return replace(self, shape=shape)

    def coordinates(self, units: str = "1") -> dict[str, xr.Variable]:
        """Return the coordinate variables that describe this grid in fields."""
        return {
            name: xr.Variable(
                (name,),
                axis,
                {
                    "units": units,
                    "long_name": f"{name} coordinate",
                    "axis": name.upper(),
                    "extent": list(extent),
                    "boundary": list(sides),
                    "location": self.location,
                },
            )
            for name, axis, extent, sides in zip(self.names, self.axes, self.extent, self.boundary, strict=True)
        }

    @classmethod
    def from_fields(cls, fields: xr.Dataset) -> Grid:
        """Read the grid back from the coordinates of ``fields``.

        A coordinate without the attributes ``extent``, ``boundary``, ``location`` is taken as nodes on a closed axis.

        Raises
        ------
        InputError
            There are other axes than those of space, sample and time, or an axis is not uniform.
        """
        names = [name for name in AXES if name in fields.dims]
        if not names and not set(fields.dims) <= {"sample", "time"}:
            raise expected("fields on a grid with dimension x (and y, z)", tuple(fields.dims), "Rename the dimensions.")
        missing = [name for name in names if name not in fields.coords]
        if missing:
            raise expected(f"a coordinate for dimension {missing[0]!r}", "none", "Add it with assign_coords.")
        axes = [fields.coords[name] for name in names]
        grid = cls(
            shape=tuple(axis.size for axis in axes),
            extent=tuple(_extent(axis) for axis in axes),
            boundary=tuple(cast(Sides, tuple(axis.attrs.get("boundary", ("wall", "wall")))) for axis in axes),
            location=axes[0].attrs.get("location", "node") if axes else "node",
        )
        for axis, points, h in zip(axes, grid.axes, grid.spacing, strict=True):
            _check_points(axis, points, h)
        return grid


def _interval(extent: Any) -> Extent:
    low, high = (0.0, float(extent)) if np.ndim(extent) == 0 else (float(extent[0]), float(extent[1]))
    if not (np.isfinite([low, high]).all() and high > low):
        raise expected("an extent of positive length", extent, "Give a length, or (low, high) with low < high.")
    return low, high


def _check_axis(name: str, n: int, sides: Sides) -> None:
    if n < 2:
        raise expected(f"at least 2 points along {name}", n, "Use a larger shape.")
    if len(sides) != 2 or any(side not in SIDES for side in sides):
        raise expected(f"two kinds of boundary along {name} out of {', '.join(SIDES)}", sides, "Correct `boundary`.")
    if (sides[0] == "periodic") != (sides[1] == "periodic"):
        raise expected(f"{name} periodic on both sides or on none", sides, "Correct `boundary`.")


def _extent(axis: xr.DataArray) -> Extent:
    if "extent" in axis.attrs:
        low, high = axis.attrs["extent"]
        return float(low), float(high)
    values = axis.values
    if len(values) < 2:
        raise expected(
            f"at least 2 points along {axis.name}", len(values), "Keep more of them, or none (fields.squeeze)."
        )
    if not np.all(np.diff(values) > 0):
        do = "Sort the data along it (fields.sortby)."
        raise expected(f"an increasing axis {axis.name!r}", _describe(values), do)
    return float(values[0]), float(values[-1])


def _check_points(axis: xr.DataArray, points: np.ndarray, h: float) -> None:
    values = axis.values
    tolerance = 1e-5 * h + 2 * np.spacing(np.abs(values).max())  # the second term is what single precision needs
    if np.allclose(values, points, rtol=0, atol=tolerance):
        return
    if "extent" in axis.attrs and np.allclose(np.diff(values), np.diff(values).mean(), rtol=0, atol=2 * tolerance):
        got = f"points from {values[0]:.6g} to {values[-1]:.6g} on {list(axis.attrs['extent'])}"
        do = "Part of an axis is no grid of the whole: correct its attributes extent, boundary and location."
        raise expected(f"the points of axis {axis.name!r} where its attributes say", got, do)
    do = "Interpolate the data to equally spaced points (fields.interp)."
    raise expected(f"a uniform, increasing axis {axis.name!r}", _describe(values), do)


def _describe(values: np.ndarray) -> str:
    steps = np.diff(values)
    return f"steps between {steps.min():.6g} and {steps.max():.6g}"
