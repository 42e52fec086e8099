"""Fields take their known values on the boundary, whatever a network says there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from surrogate.datasets.grids.box import Box
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.signature import Signature


class BoundaryValues(nn.Module):
    """Set fields to the values that they have on the Dirichlet sides of a grid whose points lie there.

    Grids of cells have no points on their sides: there nothing is set, nor for fields without such a value.

    Parameters
    ----------
    signature
        Its ``domain``, ``out_fields``, ``horizon`` and ``boundary_values``.
    """

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        self.domain, self.values = signature.domain, signature.boundary_values * signature.horizon
        self._sides: dict[tuple[tuple[int, ...], torch.device], Bool[Tensor, "*space"]] = {}

    @property
    def is_active(self) -> bool:
        """Whether there is a point with a value."""
        return any(value is not None for value in self.values) and has_points_on_sides(self.domain)

    def forward(self, y: Tensor) -> Tensor:
        """Return the fields ``(batch, channel, *space)`` with their values on these sides."""
        if not self.is_active:
            return y
        known = torch.tensor([value is not None for value in self.values], device=y.device)
        values = torch.tensor([value or 0.0 for value in self.values], dtype=y.dtype, device=y.device)
        ones = (1,) * (y.ndim - 2)
        return torch.where(known.view(-1, *ones) & self._points(y), values.view(-1, *ones), y)

    def _points(self, y: Tensor) -> Bool[Tensor, "*space"]:
        key = (tuple(y.shape[2:]), y.device)
        if key not in self._sides:
            assert isinstance(self.domain, Grid)
            self._sides[key] = on_dirichlet_sides(self.domain, y.shape[2:]).to(y.device)
        return self._sides[key]


def has_points_on_sides(domain: Grid | Box) -> bool:
    """Return whether points of a grid lie on Dirichlet sides."""
    if not isinstance(domain, Grid) or domain.location != "node":
        return False
    return any("dirichlet" in sides for sides in domain.boundary)


def on_dirichlet_sides(domain: Grid, shape: Sequence[int]) -> Bool[Tensor, "*space"]:
    """Return which points of a grid of nodes, with this number of points, lie on Dirichlet sides."""
    mask = torch.zeros(tuple(shape), dtype=torch.bool)
    for axis, sides in enumerate(domain.boundary):
        for index, side in zip((0, -1), sides, strict=True):
            if side == "dirichlet":
                mask.select(axis, index).fill_(True)
    return mask
