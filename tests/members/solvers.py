"""Every solver with a setting in which it is resolved. A new solver is tested by one more entry in SOLVERS."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import (
    Advection,
    AdvectionDiffusion,
    AllenCahn,
    Burgers,
    CahnHilliard,
    Diffusion,
    Dispersion,
    FisherKPP,
    GrayScott,
    KdV,
    KolmogorovForcing,
    KuramotoSivashinsky,
    KuramotoSivashinskyPotential,
    NavierStokes2D,
    NavierStokes3D,
    NonlinearSchrodinger,
    PeriodicEquation,
    SwiftHohenberg,
    VectorBurgers,
    Wave,
    curl,
)
from surrogate.solvers.initial import GaussianRandomField


class Member(NamedTuple):
    """A solver with a setting in which it is resolved."""

    make: Callable[..., PeriodicEquation]  # takes grid, dt, substeps, dtype
    grid: Grid
    dt: float
    substeps: int
    initial: Callable[[Grid], Tensor]  # a batch of five
    parameters: list[list[float]]  # one row for each of the five
    float32_error: float = 1e-6  # relative, after ten steps
    coarse: int = 0  # points at which the error in space is small but not yet round-off
    asymptotic: int = 8  # substeps from which the order shows; many where stiff modes matter


def line(n: int, length: float = 1.0) -> Grid:
    return Grid((n,), extent=(length,), periodic=True)


def random(grid: Grid, amplitude: float = 1.0, n_frequencies: int = 8) -> Tensor:
    """Return five smooth random functions, products of one for each axis; ``amplitude`` is two standard deviations."""
    field = GaussianRandomField(n_frequencies=n_frequencies)
    axes = [
        field.samples(line(n, length), seed=axis, indices=range(5)) / field.standard_deviation(length)
        for axis, (n, length) in enumerate(zip(grid.shape, grid.lengths, strict=True))
    ]
    shapes = [[1] * axis + [-1] + [1] * (grid.dim - 1 - axis) for axis in range(grid.dim)]
    u = math.prod((axis.reshape(5, 1, *shape) for axis, shape in zip(axes, shapes, strict=True)), start=torch.ones(()))
    return amplitude / 2 * u


def two_fields(grid: Grid, n_frequencies: int = 8) -> Tensor:
    u = random(grid, n_frequencies=n_frequencies)
    return torch.cat([0.5 + u, 0.2 + u.roll(1, dims=0)], dim=1)


def three_fields(grid: Grid) -> Tensor:
    u = random(grid, n_frequencies=1)
    return 0.05 * torch.cat([u, u.roll(1, dims=0), u.roll(2, dims=0)], dim=1)


def burgers(n: int) -> Member:
    return Member(
        make=lambda grid, **kwargs: Burgers(grid, **{"viscosity": 0.02} | kwargs),
        grid=line(n),
        dt=0.05,
        substeps=20,
        initial=lambda grid: 0.2 + GaussianRandomField(n_frequencies=8).samples(grid, seed=0, indices=range(5)),
        parameters=[[0.01], [0.02], [0.05], [0.1], [0.3]],
        coarse=32,
    )


def exact(
    cls: Callable[..., PeriodicEquation],
    grid: Grid,
    parameters: list[list[float]],
    initial: Callable[[Grid], Tensor] = lambda grid: 0.2 + random(grid),
    **constants: float,
) -> Member:
    """Return a linear equation; components ``velocity_x``, ... are gathered into ``velocity``."""

    def make(grid: Grid, substeps: int, **kwargs: Any) -> PeriodicEquation:
        values = constants | kwargs
        velocity = [values.pop(name) for name in [*values] if name.startswith("velocity_")]
        return cls(grid, **values, **({"velocity": velocity} if velocity else {}))

    return Member(make, grid, 0.07, 1, initial, parameters)


PLANE = Grid((24, 31), extent=(1.0, 2.0), periodic=True)
SPACE = Grid((12, 15, 16), extent=(1.0, 2.0, 0.7), periodic=True)
LINEAR = {
    "Advection-1D": exact(Advection, line(64), [[c] for c in (-2.0, 0.0, 0.3, 1.0, 7.0)], velocity=0.5),
    "Advection-2D": exact(
        Advection, PLANE, [[c, 1.0 - c] for c in (-2.0, 0.0, 0.3, 1.0, 7.0)], velocity_x=0.5, velocity_y=-1.0
    ),
    "Diffusion-3D": exact(
        Diffusion,
        SPACE,
        [[0.001], [0.002], [0.005], [0.01], [0.02]],
        initial=lambda grid: 0.2 + random(grid, n_frequencies=3),
        diffusivity=0.002,
    ),
    "AdvectionDiffusion-2D": exact(
        AdvectionDiffusion,
        PLANE,
        [[c, 1.0 - c, 0.001 * (3 + c)] for c in (-2.0, 0.0, 0.3, 1.0, 7.0)],
        velocity_x=0.5,
        velocity_y=-1.0,
        diffusivity=0.002,
    ),
    "Dispersion-63": exact(Dispersion, line(63), [[-1e-3], [0.0], [1e-4], [1e-3], [0.02]], dispersion=1e-3),
    "Wave-2D": exact(
        Wave, PLANE, [[0.1], [0.2], [0.5], [1.0], [2.0]], initial=lambda grid: two_fields(grid, 3), speed=0.7
    ),
}
SEMILINEAR = {
    "Burgers-64": burgers(64),
    "Burgers-63": burgers(63),
    "KdV": Member(
        make=KdV,
        grid=line(128, 20.0),
        dt=0.1,
        substeps=40,
        initial=lambda grid: 0.5 + random(grid),
        parameters=[[6.0, 1.0], [6.0, 0.5], [1.0, 1.0], [-6.0, 1.0], [3.0, -1.0]],
        coarse=48,
    ),
    "KuramotoSivashinsky": Member(
        make=KuramotoSivashinsky,
        grid=line(96, 32.0),
        dt=0.2,
        substeps=16,
        initial=lambda grid: 0.2 + random(grid, 2.0),
        parameters=[[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [2.0, 0.5, 1.0], [-1.0, -1.0, 1.0], [1.0, 1.0, 2.0]],
        float32_error=2e-6,  # antidiffusion lets round-off grow by e^(2/4)
        coarse=40,
        asymptotic=64,
    ),
    "AllenCahn": Member(
        make=lambda grid, **kwargs: AllenCahn(grid, **{"diffusivity": 1e-3, "rate": 5.0} | kwargs),
        grid=line(128),
        dt=0.05,
        substeps=16,
        initial=lambda grid: random(grid, 0.8),
        parameters=[[1e-3, 5.0], [2e-3, 5.0], [5e-3, 1.0], [1e-2, 5.0], [1e-2, 10.0]],
        coarse=48,
    ),
    "FisherKPP": Member(
        make=lambda grid, **kwargs: FisherKPP(grid, **{"diffusivity": 1.0} | kwargs),
        grid=line(96, 40.0),
        dt=0.2,
        substeps=16,
        initial=lambda grid: (0.5 + random(grid, 0.5)).square(),
        parameters=[[0.5, 1.0], [1.0, 1.0], [2.0, 1.0], [1.0, 0.5], [1.0, 2.0]],
        coarse=32,
    ),
    "CahnHilliard": Member(
        make=lambda grid, **kwargs: CahnHilliard(grid, **{"gradient_energy": 1e-3} | kwargs),
        grid=line(128),
        dt=2e-3,
        substeps=40,
        initial=lambda grid: 0.1 + random(grid, 0.5),
        parameters=[[1e-3, 1.0], [2e-3, 1.0], [1e-3, 0.5], [5e-3, 1.0], [1e-2, 2.0]],
        float32_error=3e-6,  # round-off grows by up to e^(10 dt / 4 gradient_energy) = e^5 before the phases form
        coarse=48,
        asymptotic=80,
    ),
    "NonlinearSchrodinger": Member(
        make=NonlinearSchrodinger,
        grid=line(128, 20.0),
        dt=0.1,
        substeps=8,
        initial=two_fields,
        parameters=[[0.5, 1.0], [0.5, -1.0], [1.0, 0.0], [-0.5, 1.0], [1.0, 2.0]],
        coarse=48,
    ),
    "AllenCahn-2D": Member(
        make=lambda grid, **kwargs: AllenCahn(grid, **{"diffusivity": 1e-2, "rate": 5.0} | kwargs),
        grid=Grid((40, 55), extent=(1.0, 1.5), periodic=True),
        dt=0.05,
        substeps=16,
        initial=lambda grid: random(grid, 0.8, n_frequencies=3),
        parameters=[[1e-2, 5.0], [2e-2, 5.0], [1e-2, 1.0], [3e-2, 5.0], [2e-2, 10.0]],
        coarse=16,
    ),
    "CahnHilliard-2D": Member(
        make=lambda grid, **kwargs: CahnHilliard(grid, **{"gradient_energy": 5e-3} | kwargs),
        grid=Grid((40, 45), extent=(1.0, 1.5), periodic=True),
        dt=2e-3,
        substeps=40,
        initial=lambda grid: 0.1 + random(grid, 0.3, n_frequencies=3),
        parameters=[[5e-3, 1.0], [6e-3, 1.0], [5e-3, 0.5], [1e-2, 1.0], [1e-2, 2.0]],
        float32_error=3e-6,
        coarse=16,
        asymptotic=40,
    ),
    "GrayScott": Member(
        make=lambda grid, **kwargs: GrayScott(
            grid,
            **{"feed": 0.03, "kill": 0.062, "diffusivity_a": 2e-3, "diffusivity_b": 1e-3} | kwargs,
        ),
        grid=Grid((40, 48), extent=(1.0, 1.2), periodic=True),
        dt=2.0,
        substeps=8,
        initial=lambda grid: torch.cat([1 - random(grid, 0.5, 3).square(), 0.2 * (1 + random(grid, 0.5, 2))], dim=1),
        parameters=[
            [0.03, 0.062, 2e-3, 1e-3],
            [0.02, 0.05, 2e-3, 1e-3],
            [0.03, 0.057, 1e-3, 1e-3],
            [0.05, 0.06, 2e-3, 3e-3],
            [0.014, 0.054, 2e-3, 1e-3],
        ],
        coarse=20,
        asymptotic=16,
    ),
    "SwiftHohenberg": Member(
        make=lambda grid, **kwargs: SwiftHohenberg(grid, **{"drive": 0.3, "quadratic": 0.5} | kwargs),
        grid=Grid((48, 33), extent=(32.0, 22.0), periodic=True),
        dt=0.4,
        substeps=8,
        initial=lambda grid: random(grid, 0.5, n_frequencies=3),
        parameters=[[0.3, 0.5], [0.1, 0.0], [-0.1, 0.5], [1.0, -1.0], [0.5, 0.0]],
        coarse=32,
        asymptotic=32,
    ),
    "KuramotoSivashinskyPotential": Member(
        make=KuramotoSivashinskyPotential,
        grid=Grid((48, 36), extent=(24.0, 16.0), periodic=True),
        dt=0.2,
        substeps=16,
        initial=lambda grid: 0.2 + random(grid, 2.0, n_frequencies=3),
        parameters=[[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [2.0, 0.5, 1.0], [-1.0, -1.0, 1.0], [1.0, 1.0, 2.0]],
        float32_error=2e-6,
        coarse=24,
        asymptotic=32,
    ),
    "VectorBurgers": Member(
        make=lambda grid, **kwargs: VectorBurgers(grid, **{"viscosity": 0.02} | kwargs),
        grid=Grid((40, 50), extent=(1.0, 1.5), periodic=True),
        dt=0.05,
        substeps=8,
        initial=lambda grid: 0.5 * two_fields(grid, n_frequencies=2),
        parameters=[[0.02], [0.03], [0.05], [0.1], [0.3]],
        coarse=20,
    ),
    "NavierStokes2D": Member(
        make=lambda grid, **kwargs: NavierStokes2D(
            grid, **{"viscosity": 0.02, "drag": 0.1, "forcing": KolmogorovForcing(wavenumber=2)} | kwargs
        ),
        grid=Grid((32, 48), extent=(4.0, 6.0), periodic=True),
        dt=0.2,
        substeps=8,
        initial=lambda grid: random(grid, 2.0, n_frequencies=4),
        parameters=[[0.02, 0.0], [0.03, 0.1], [0.05, 0.0], [0.1, 1.0], [0.3, 0.2]],
        coarse=16,
    ),
    "NavierStokes2D-odd": Member(
        make=lambda grid, **kwargs: NavierStokes2D(grid, **{"viscosity": 0.01} | kwargs),
        grid=Grid((63, 45), extent=(2.0, 1.5), periodic=True),
        dt=0.02,
        substeps=8,
        initial=lambda grid: random(grid, 10.0, n_frequencies=3),
        parameters=[[0.02, 0.0], [0.03, 0.1], [0.05, 0.0], [0.1, 1.0], [0.3, 0.2]],
        coarse=21,
    ),
    "NavierStokes3D": Member(
        make=lambda grid, **kwargs: NavierStokes3D(grid, **{"viscosity": 0.02} | kwargs),
        grid=Grid((16, 12, 20), extent=(2.0, 1.5, 2.5), periodic=True),
        dt=0.1,
        substeps=2,
        initial=lambda grid: curl(three_fields(grid), grid),
        parameters=[[0.02], [0.03], [0.05], [0.1], [0.3]],
        coarse=12,
        asymptotic=2,
    ),
    "NavierStokes3D-forced": Member(
        make=lambda grid, **kwargs: NavierStokes3D(grid, **{"viscosity": 0.02, "forced_below": 6.0} | kwargs),
        grid=Grid((15, 15, 15), extent=(2.0, 2.0, 2.0), periodic=True),
        dt=0.1,
        substeps=2,
        initial=lambda grid: curl(three_fields(grid), grid),
        parameters=[[0.02], [0.03], [0.05], [0.1], [0.3]],
        coarse=9,
        asymptotic=2,
    ),
}
SOLVERS = LINEAR | SEMILINEAR
