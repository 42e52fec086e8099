"""Plane flows on periodic boxes from their vorticity: velocity, kinetic energy, enstrophy."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.spectral import retained, squared_wavenumber, to_modes, to_points, wavenumbers

Vorticity = Float[Tensor, "batch 1 x y"]
Velocity = Float[Tensor, "batch 2 x y"]


class Derivatives(NamedTuple):
    """Wavenumbers along x and y and the inverse of the negative Laplacian, zero for the mean, on the modes kept."""

    x: Tensor
    y: Tensor
    inverse: Tensor

    @classmethod
    def on(cls, grid: Grid, degree: int = 2) -> Derivatives:
        """Return those of a grid, for the modes of `to_modes` with that degree, float64."""
        k2 = squared_wavenumber(grid, degree)
        kx, ky = wavenumbers(grid, degree)
        return cls(kx, ky, torch.where(k2 > 0, 1 / k2.where(k2 > 0, 1), 0))


def require_plane(grid: Grid) -> None:
    """Raise `InputError` unless ``grid`` has two dimensions."""
    if grid.dim != 2:
        raise expected("a grid of two dimensions", grid.shape, "Use Grid((n, n), periodic=True).")


def velocity_from_vorticity(vorticity: Vorticity, grid: Grid) -> Velocity:
    r"""Return the velocity without mean whose curl is the vorticity.

    With the stream function ψ of :math:`-\nabla^2 \psi = w` it is :math:`u = \psi_y`, :math:`v = -\psi_x`.

    Parameters
    ----------
    vorticity
        The field :math:`w = v_x - u_y`; its mean, which no periodic velocity has, and its Nyquist modes are left out.
    grid
        Its periodic grid.

    Examples
    --------
    >>> grid = Grid((32, 32), extent=(2 * torch.pi, 2 * torch.pi), periodic=True)
    >>> x, y = (2 * torch.pi * grid.unit_coordinates(dtype=torch.float64)).unbind(-1)
    >>> u, v = velocity_from_vorticity((2 * torch.cos(x) * torch.cos(y))[None, None], grid)[0]
    >>> torch.allclose(u, -torch.cos(x) * torch.sin(y)), torch.allclose(v, torch.sin(x) * torch.cos(y))
    (True, True)
    """
    require_plane(grid)
    k = Derivatives.on(grid, degree=1)
    turn = torch.stack([1j * k.y * k.inverse, -1j * k.x * k.inverse]) * retained(grid.shape, 1)
    modes = to_modes(vorticity, 2, degree=1)
    return to_points(turn.to(modes) * modes, grid.shape)


def vorticity_from_velocity(velocity: Velocity, grid: Grid) -> Vorticity:
    """Return the vorticity :math:`w = v_x - u_y` on a periodic grid, without the Nyquist modes."""
    require_plane(grid)
    k = Derivatives.on(grid, degree=1)
    curl = torch.stack([(-1j * k.y).expand_as(k.inverse), (1j * k.x).expand_as(k.inverse)]) * retained(grid.shape, 1)
    modes = to_modes(velocity, 2, degree=1)
    return to_points((curl.to(modes) * modes).sum(1, keepdim=True), grid.shape)


def kinetic_energy(vorticity: Vorticity, grid: Grid) -> Float[Tensor, " batch"]:
    r"""Return the mean :math:`\langle u^2 + v^2 \rangle / 2` of each sample."""
    return velocity_from_vorticity(vorticity, grid).square().sum(1).mean((-2, -1)) / 2


def enstrophy(vorticity: Vorticity) -> Float[Tensor, " batch"]:
    r"""Return the mean :math:`\langle w^2 \rangle / 2` of each sample."""
    return vorticity.square().mean((-3, -2, -1)) / 2
