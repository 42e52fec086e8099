"""Finite volumes for diffusion with a coefficient of its own in each sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.grids.axes import Axis
from surrogate.datasets.grids.grid import Grid

MEANS = ("harmonic", "arithmetic")


@dataclass(frozen=True)
class Stencil:
    r"""Symmetric matrices of a batch, in the form of fluxes: :math:`(A u)_i = \sum_j T_{ij} (u_i - u_j)`.

    The neighbors j along an axis are those before and after, at the ends of the axis with :math:`u_j = 0`.
    ``conductances`` has for each axis T of all faces, ``(batch, *space)`` with one more entry than unknowns along it.
    A constant has no fluxes to the last digit, which a diagonal would not grant in single precision.
    """

    conductances: tuple[Tensor, ...]

    def times(self, u: Float[Tensor, "batch x *space"]) -> Float[Tensor, "batch x *space"]:
        """Return A u."""
        result = torch.zeros_like(u)
        for axis, conductance in enumerate(self.conductances, start=1):
            ends = torch.zeros_like(u.narrow(axis, 0, 1))
            flux = torch.cat([ends, u, ends], dim=axis).diff(dim=axis).mul_(conductance)
            result.add_(_but_last(flux, axis)).sub_(_but_first(flux, axis))
        return result


class Line(nn.Module):
    """Control volumes along an axis, with faces in the middle between nodes, or the cells themselves.

    Attributes
    ----------
    widths, before, after
        Size of each volume, and how much of it lies before and after its point.
    unknowns
        The points where the solution is not prescribed: all but nodes on Dirichlet sides.
    """

    widths: Tensor
    before: Tensor
    after: Tensor

    def __init__(self, axis: Axis, sides: Sequence[str], dtype: torch.dtype) -> None:
        super().__init__()
        points = axis.points
        middles = (points[1:] + points[:-1]) / 2
        edges = axis.edges if axis.location == "cell" else np.concatenate([[axis.low], middles, [axis.high]])
        self.is_fixed = tuple(side == "dirichlet" for side in sides)
        held = [fixed and axis.location == "node" for fixed in self.is_fixed]
        self.unknowns = slice(int(held[0]), axis.n - int(held[1]))
        for name, values in (
            ("widths", np.diff(edges)),
            ("before", points - edges[:-1]),
            ("after", edges[1:] - points),
        ):
            self.register_buffer(name, torch.as_tensor(values, dtype=dtype), persistent=False)


class FiniteVolumes(nn.Module):
    r"""The matrix of :math:`-\nabla \cdot (a \nabla u)`, integrated over each volume; zero where Dirichlet sides are.

    Between neighbors flows :math:`-T (u_2 - u_1)` with T the area of the face over :math:`d_1/a_1 + d_2/a_2`, the
    distances of the points to it (harmonic), or over :math:`2 (d_1 + d_2)/(a_1 + a_2)` (arithmetic).
    """

    def __init__(self, grid: Grid, mean: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.mean, self.cells = mean, grid.location == "cell"
        self.lines = nn.ModuleList(
            Line(axis, sides, dtype) for axis, sides in zip(grid.parts, grid.boundary, strict=True)
        )

    @property
    def unknowns(self) -> tuple[slice, ...]:
        """Where u is not prescribed, as an index of the space axes."""
        return tuple(line.unknowns for line in self._lines)

    @property
    def volumes(self) -> Float[Tensor, "*space"]:
        """Volumes around the unknowns."""
        return _outer([line.widths[line.unknowns] for line in self._lines])

    def stencil(self, coefficient: Float[Tensor, "batch x *space"]) -> Stencil:
        """Return the matrices for coefficients given at all points. Gradients flow."""
        conductances = []
        for number, line in enumerate(self._lines):
            axis = number + 1
            ends = [self._at_side(coefficient, line, axis, side) for side in (0, -1)]
            whole = torch.cat([ends[0], self._between(coefficient, line, axis), ends[1]], dim=axis)
            others = [slice(None) if other is line else other.unknowns for other in self._lines]
            widths = [torch.ones_like(line.widths[:1]) if other is line else other.widths for other in self._lines]
            area = _outer(widths)[tuple(others)]
            conductances.append(whole[:, *others] * area)
        return Stencil(tuple(conductances))

    def _between(self, coefficient: Tensor, line: Line, axis: int) -> Tensor:
        """Return the conductances per area of the faces between points."""
        shape = (-1, *(1,) * (coefficient.ndim - 1 - axis))
        after, before = line.after[:-1].view(shape), line.before[1:].view(shape)
        low, high = _but_last(coefficient, axis), _but_first(coefficient, axis)
        if self.mean == "harmonic":
            return 1 / (after / low + before / high)
        return (low + high) / (2 * (after + before))

    def _at_side(self, coefficient: Tensor, line: Line, axis: int, side: int) -> Tensor:
        """Return the same of a side: none where nodes are fixed, as the last face lies within."""
        if line.is_fixed[side] and not self.cells:
            return coefficient.narrow(axis, 0, 0)
        near = coefficient.narrow(axis, 0 if side == 0 else coefficient.shape[axis] - 1, 1)
        return near / (line.before, line.after)[side][side] if line.is_fixed[side] else torch.zeros_like(near)

    @property
    def _lines(self) -> list[Line]:
        return [line for line in self.lines if isinstance(line, Line)]


def _outer(factors: Sequence[Tensor]) -> Tensor:
    """Return the products of one entry of each factor."""
    product = factors[0]
    for factor in factors[1:]:
        product = product[..., None] * factor
    return product


def _but_last(values: Tensor, axis: int) -> Tensor:
    return values.narrow(axis, 0, values.shape[axis] - 1)


def _but_first(values: Tensor, axis: int) -> Tensor:
    return values.narrow(axis, 1, values.shape[axis] - 1)
