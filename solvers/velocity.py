"""Flows in periodic boxes from their velocity: vorticity, divergence, energy, helicity, dissipation, pressure."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.spectral import require_periodic, retained, squared_wavenumber, to_modes, to_points, wavenumbers

Velocity = Float[Tensor, "batch 3 x y z"]
Scalar = Float[Tensor, "batch 1 x y z"]
PerSample = Float[Tensor, " batch"]


def require_space(grid: Grid) -> None:
    """Raise `InputError` unless ``grid`` is periodic and has three dimensions."""
    require_periodic(grid)
    if grid.dim != 3:
        raise expected("a grid of three dimensions", grid.shape, "Use Grid((n, n, n), periodic=True).")


def unit_wavevectors(grid: Grid, degree: int = 2) -> Float[Tensor, "3 x y z"]:
    r"""Return :math:`k / |k|` for the modes of `to_modes`, zero for the mean, float64."""
    modulus = squared_wavenumber(grid, degree).sqrt()
    inverse = torch.where(modulus > 0, 1 / modulus.where(modulus > 0, 1), 0)
    return torch.stack([k * inverse for k in wavenumbers(grid, degree)])


def curl(velocity: Velocity, grid: Grid) -> Velocity:
    """Return the vorticity on a periodic grid, without the Nyquist modes."""
    x, y, z = _derivatives(velocity, grid)
    return torch.stack([y[:, 2] - z[:, 1], z[:, 0] - x[:, 2], x[:, 1] - y[:, 0]], dim=1)


def divergence(velocity: Velocity, grid: Grid) -> Scalar:
    """Return the divergence on a periodic grid, without the Nyquist modes."""
    x, y, z = _derivatives(velocity, grid)
    return (x[:, 0] + y[:, 1] + z[:, 2])[:, None]


def divergence_free(velocity: Velocity, grid: Grid) -> Velocity:
    """Return the part of a velocity that has no divergence, without the Nyquist modes: the nearest such field."""
    require_space(grid)
    direction = unit_wavevectors(grid, degree=1).to(velocity)
    modes = to_modes(velocity, 3, degree=1) * retained(grid.shape, 1).to(velocity)
    return to_points(modes - direction * (direction * modes).sum(1, keepdim=True), grid.shape)


def mean_kinetic_energy(velocity: Velocity) -> PerSample:
    r"""Return the mean :math:`\langle |u|^2 \rangle / 2` of each sample."""
    return velocity.square().sum(1).mean((-3, -2, -1)) / 2


def helicity(velocity: Velocity, grid: Grid) -> PerSample:
    r"""Return the mean :math:`\langle u \cdot \omega \rangle` of each sample, with the vorticity ω."""
    return (velocity * curl(velocity, grid)).sum(1).mean((-3, -2, -1))


def dissipation(velocity: Velocity, grid: Grid, viscosity: float | PerSample) -> PerSample:
    r"""Return the mean dissipation :math:`\nu \langle |\omega|^2 \rangle` of velocities without divergence."""
    return viscosity * curl(velocity, grid).square().sum(1).mean((-3, -2, -1))


def pressure(velocity: Velocity, grid: Grid) -> Scalar:
    r"""Return the pressure over density, of zero mean, that keeps a velocity free of divergence.

    It solves :math:`\nabla^2 (p + |u|^2 / 2) = \nabla \cdot (u \times \omega)`; its modes are those that the solver
    keeps, :math:`|k_i| < n_i / 3`.
    """
    force = to_modes(torch.linalg.cross(velocity, curl(velocity, grid), dim=1), 3)
    k2 = squared_wavenumber(grid)
    inverse = torch.where(k2 > 0, 1 / k2.where(k2 > 0, 1), 0) * retained(grid.shape)
    total = sum(-1j * (k * inverse).to(velocity) * force[:, axis] for axis, k in enumerate(wavenumbers(grid)))
    energy = to_modes(velocity.square().sum(1) / 2, 3) * (inverse > 0).to(velocity)
    return to_points((total - energy)[:, None], grid.shape)


def _derivatives(velocity: Tensor, grid: Grid) -> list[Tensor]:
    """Return the derivatives along x, y and z of all components."""
    require_space(grid)
    modes = to_modes(velocity, 3, degree=1) * retained(grid.shape, 1).to(velocity)
    return [to_points(1j * k.to(velocity) * modes, grid.shape) for k in wavenumbers(grid, degree=1)]
