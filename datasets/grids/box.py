"""The box around points that differ by sample: the domain of operators on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES


@dataclass(frozen=True)
class Box:
    """The box that holds all nodes of the meshes (or point clouds) of some data, and where on them the output lies.

    Parameters
    ----------
    lower, upper
        Smallest and largest coordinate along each axis.
    location
        Dimension of the points of the output, such as ``"node"`` or ``"cell"``.

    Raises
    ------
    InputError
        Bounds that are none.

    Examples
    --------
    >>> box = Box((0.0, 0.0), (2.0, 1.0))
    >>> box.unit(torch.tensor([[1.0, 1.0]])), box.distance(torch.tensor([[5.0, 5.0]]))
    (tensor([[0.5000, 1.0000]]), tensor([5.]))
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    location: str = "node"

    def __post_init__(self) -> None:
        rising = len(self.lower) == len(self.upper) and all(a <= b for a, b in zip(self.lower, self.upper, strict=True))
        if not rising or len(self.lower) not in (1, 2, 3):
            do = "Give a lower and an upper bound for each of 1 to 3 axes."
            raise expected("bounds of a box", (self.lower, self.upper), do)

    @property
    def dim(self) -> int:
        """Number of space dimensions."""
        return len(self.lower)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes."""
        return AXES[: self.dim]

    @property
    def lengths(self) -> tuple[float, ...]:
        """Length along each axis, 1 where all points have the same coordinate."""
        return tuple(b - a or 1.0 for a, b in zip(self.lower, self.upper, strict=True))

    def unit(self, coordinates: Float[Tensor, "points dim"]) -> Float[Tensor, "points dim"]:
        """Return coordinates in which the box is the unit box."""
        lower = coordinates.new_tensor(self.lower)
        return (coordinates - lower) / coordinates.new_tensor(self.lengths)

    def distance(self, coordinates: Float[Tensor, "points dim"]) -> Float[Tensor, " points"]:
        """Return how far each point is outside of the box, 0 inside, in the unit of the coordinates."""
        lower, upper = coordinates.new_tensor(self.lower), coordinates.new_tensor(self.upper)
        beyond = torch.maximum(lower - coordinates, coordinates - upper).clamp_min(0.0)
        distance: Tensor = torch.linalg.vector_norm(beyond, dim=-1)
        return distance

    @classmethod
    def from_fields(cls, fields: xr.Dataset, location: str = "node") -> Box:
        """Return the box around the nodes of ``fields``.

        Raises
        ------
        InputError
            The fields are on a grid, or their nodes have no coordinates.
        """
        names = [axis for axis in AXES if axis in fields.coords and "node" in fields[axis].dims]
        if not names:
            got = "fields on a grid" if any(axis in fields.dims for axis in AXES) else list(map(str, fields.coords))
            raise expected("coordinates x (and y, z) over 'node'", got, "Add mesh.coordinates().")
        axes = [np.asarray(fields[name].values, dtype=np.float64) for name in names]
        return cls(tuple(float(x.min()) for x in axes), tuple(float(x.max()) for x in axes), location)
