"""Tensor-product grids."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.axes import UNIFORM, Axis, Stretching, given_points, kind_of, stretching_of
from surrogate.datasets.grids.axis_attributes import axis_attributes, check_points, read_extent, read_stretching

AXES = ("x", "y", "z")
SIDES = ("periodic", "dirichlet", "neumann", "wall")

Extent = tuple[float, float]
Sides = tuple[str, str]


@dataclass(frozen=True)
class Grid:
    r"""A grid on the box :math:`\prod_i [a_i, b_i]` in one to three dimensions.

    Series without space lie on ``Grid(shape=())``, a single point without axes.

    Axis :math:`i` has :math:`n_i` points. On a uniform axis they are

    - periodic, ``location="node"``: :math:`a + j (b - a)/n` (the end point is the first point again and is left out),
    - otherwise, ``location="node"``: :math:`a + j (b - a)/(n - 1)` (both ends are points),
    - ``location="cell"``: :math:`a + (j + 1/2) (b - a)/n` (centers of ``n`` equal cells).

    On a stretched axis the nodes are at :math:`a + (b - a) \, s(j / (n - 1))`; cells have their edges at
    :math:`a + (b - a) \, s(j / n)` and their points in the middle. The stretching is

    - ``"chebyshev"``: :math:`s(\xi) = (1 - \cos \pi \xi)/2`, so that nodes are Gauss-Lobatto points, and the middles of
      cells the Chebyshev roots drawn together by :math:`\cos(\pi/2n)`,
    - ``("tanh", strength)``: :math:`s(\xi) = \frac12 + \tanh(\beta (2 \xi - 1)) / (2 \tanh \beta)`, dense at the ends,
    - a list: the nodes themselves, or the ``n + 1`` edges of the cells. The only one for periodic axes; the nodes of
      such an axis leave out the end point.

    Parameters
    ----------
    shape
        Number of points along x, y, z.
    extent
        For each axis its length, or ``(low, high)``. Default: from the first to the last of given nodes or edges, and
        the unit interval else.
    boundary
        For each axis the kinds of its ``(low, high)`` sides: ``periodic``, ``dirichlet``, ``neumann`` or ``wall``
        (a closed side whose condition is not further stated). Default: ``wall`` everywhere.
    periodic
        Shorthand: ``True`` makes every side periodic.
    location
        ``"node"`` or ``"cell"``.
    stretching
        For each axis ``"uniform"``, ``"chebyshev"``, ``("tanh", strength)`` or a list. Default: uniform.

    Raises
    ------
    InputError
        Unknown kind of boundary, an axis that is periodic on one side only, lengths that do not match, no extent,
        given points that do not increase or do not fit the extent.

    Examples
    --------
    >>> Grid(shape=(4,), periodic=True).axes[0].tolist()
    [0.0, 0.25, 0.5, 0.75]
    >>> Grid(shape=(3,), extent=(2.0,), stretching=("chebyshev",), location="cell").axes[0].round(9).tolist()
    [0.25, 1.0, 1.75]
    """

    shape: tuple[int, ...]
    extent: tuple[Any, ...] = ()  # of Extent, once made; the constructor also takes lengths
    boundary: tuple[Sides, ...] = ()
    location: Literal["node", "cell"] = "node"
    stretching: tuple[Any, ...] = ()  # of Stretching, once made; the constructor also takes arrays
    periodic: InitVar[bool | None] = None

    def __post_init__(self, periodic: bool | None) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) > 3:
            raise expected("one to three axes, or none for series", shape, "Give the number of points along x, y, z.")
        if periodic is not None and self.boundary:
            raise expected("`boundary` or `periodic`", "both", "Leave one out.")
        kind = "periodic" if periodic else "wall"
        boundary = tuple(cast(Sides, tuple(sides)) for sides in (self.boundary or ((kind, kind),) * len(shape)))
        stretching = tuple(map(stretching_of, AXES, self.stretching or (UNIFORM,) * len(shape)))
        extent = tuple(map(_interval, self.extent or map(self._default_extent, AXES, stretching, boundary)))
        if not len(shape) == len(extent) == len(boundary) == len(stretching):
            got = f"{len(shape)}, {len(extent)}, {len(boundary)} and {len(stretching)}"
            raise expected(
                "shape, extent, boundary and stretching of equal length", got, "Give one entry for each axis."
            )
        if self.location not in ("node", "cell"):
            raise expected("location 'node' or 'cell'", repr(self.location), "Say where in a cell the values lie.")
        for name, n, sides in zip(AXES, shape, boundary, strict=False):
            _check_axis(name, n, sides)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "extent", extent)
        object.__setattr__(self, "boundary", boundary)
        object.__setattr__(self, "stretching", stretching)
        object.__setattr__(self, "extent", tuple(axis.checked_box() for axis in self.parts))

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
    def is_uniform(self) -> tuple[bool, ...]:
        """For each axis, whether its points are equally spaced."""
        return tuple(stretching == UNIFORM for stretching in self.stretching)

    @property
    def parts(self) -> tuple[Axis, ...]:
        """The axes, each with its points, weights and cells."""
        return tuple(
            Axis(name, n, low, high, wraps, self.location, stretching)
            for name, n, (low, high), wraps, stretching in zip(
                self.names, self.shape, self.extent, self.is_periodic, self.stretching, strict=True
            )
        )

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance between neighboring points along each axis.

        Raises
        ------
        InputError
            An axis is stretched.
        """
        if not all(self.is_uniform):
            do = "Take `axes` or `quadrature_weights`, or resample the fields to a uniform grid."
            raise expected("uniform axes for a spacing", f"the stretching {self.kinds}", do)
        return tuple(axis.spacing for axis in self.parts)

    @property
    def kinds(self) -> tuple[str, ...]:
        """For each axis, how it is stretched: ``uniform``, ``chebyshev``, ``tanh`` or ``points``."""
        return tuple(kind_of(stretching) for stretching in self.stretching)

    @property
    def axes(self) -> tuple[np.ndarray, ...]:
        """Coordinates of the points along each axis, float64."""
        return tuple(axis.points for axis in self.parts)

    @property
    def quadrature_weights(self) -> tuple[np.ndarray, ...]:
        """Weights along each axis; their sum is its length.

        The widths of cells; for nodes the trapezoidal rule, on Chebyshev nodes that of Clenshaw and Curtis.
        """
        return tuple(axis.weights for axis in self.parts)

    def unit_coordinates(self, *, dtype: torch.dtype = torch.float32, device: Any = None) -> Tensor:
        """Return the points mapped to the unit box, a tensor ``(*shape, dim)``."""
        axes = [
            torch.as_tensor((axis - low) / length, dtype=dtype, device=device)
            for axis, (low, _), length in zip(self.axes, self.extent, self.lengths, strict=True)
        ]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)

    def with_shape(self, shape: tuple[int, ...]) -> Grid:
        """Return the grid of the same box, boundary and stretching with another number of points.

        Raises
        ------
        InputError
            Another number along an axis whose points were given one by one.
        """
        for name, old, new, stretching in zip(self.names, self.shape, shape, self.stretching, strict=False):
            if new != old and given_points(stretching):
                do = "Give the points of the other grid, or resample the fields to an axis that is not a list."
                raise expected(f"{old} points along {name}, which were given one by one", new, do)
        return replace(self, shape=shape)

    def coordinates(self, units: str = "1") -> dict[str, xr.Variable]:
        """Return the coordinate variables that describe this grid in fields."""
        return {
            name: xr.Variable(
                (name,),
                axis.points,
                {"units": units, "long_name": f"{name} coordinate", **axis_attributes(axis, sides)},
            )
            for name, axis, sides in zip(self.names, self.parts, self.boundary, strict=True)
        }

    @classmethod
    def from_fields(cls, fields: xr.Dataset) -> Grid:
        """Read the grid back from the coordinates of ``fields``.

        A coordinate without the attributes ``extent``, ``boundary``, ``location`` is taken as nodes on a closed axis:
        a uniform one, or where its points are not equally spaced a stretched one.

        Raises
        ------
        InputError
            There are other axes than those of space, sample and time, or an axis does not increase or is not what its
            attributes say.
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
            extent=tuple(read_extent(axis) for axis in axes),
            boundary=tuple(cast(Sides, tuple(axis.attrs.get("boundary", ("wall", "wall")))) for axis in axes),
            location=axes[0].attrs.get("location", "node") if axes else "node",
            stretching=tuple(read_stretching(axis) for axis in axes),
        )
        for axis, part in zip(axes, grid.parts, strict=True):
            check_points(axis, part.points)
        return grid

    def _default_extent(self, name: str, stretching: Stretching, sides: Sides) -> Any:
        points = given_points(stretching)
        if points is None:
            return 1.0
        if sides[0] == "periodic" and self.location == "node":
            raise expected(f"the extent of the periodic axis {name} beside its points", "none", "Give `extent`.")
        return points[0], points[-1]


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
