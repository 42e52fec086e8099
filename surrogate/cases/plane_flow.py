"""What cases of incompressible flows in a periodic plane share."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.cases.periodic_case import PeriodicCase
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial.modes import half_space, wavevectors
from surrogate.solvers.navier_stokes_2d import NavierStokes2D
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.vorticity_forcing import Forcing

# A velocity component exceeds five standard deviations once in 2e6 points: the fastest point of any usual ensemble.
_FASTEST = 5.0
# Steps in the time in which the fastest point crosses the box.
_CROSSING = 100
_COARSEST = 4


class PlaneFlow(PeriodicCase):
    """Navier-Stokes equations for the vorticity on a periodic square, out of a Gaussian random vorticity.

    A subclass states its box, its ``forcing``, and the speed and the wavenumber of the forced flow (`body_force`).
    """

    viscosity: float
    drag: float
    equation = NavierStokes2D.equation

    @property
    @abstractmethod
    def forcing(self) -> Forcing | None:
        """The curl of the body force."""

    @property
    @abstractmethod
    def body_force(self) -> tuple[float, float]:
        """The largest body force, and its wavenumber."""

    @property
    def parameters(self) -> dict[str, float]:
        """Viscosity and drag."""
        return {"viscosity": self.viscosity, "drag": self.drag}

    def make_solver(self, grid: Grid, substeps: int, dtype: torch.dtype, scheme: SchemeName) -> NavierStokes2D:
        """Return the solver on that grid."""
        return NavierStokes2D(
            grid,
            viscosity=self.viscosity,
            drag=self.drag,
            forcing=self.forcing,
            dt=self.dt,
            substeps=substeps,
            scheme=scheme,
            dtype=dtype,
        )

    def fastest_state(self, grid: Grid) -> Float[Tensor, "1 1 x y"]:
        """Return a shear flow along the diagonal with the largest speed."""
        angle = 2 * math.pi * grid.unit_coordinates(dtype=torch.float64).sum(-1)
        k = 2 * math.pi * math.hypot(*(1 / length for length in self.box))
        return (self.fastest * k * angle.cos())[None, None]

    @property
    def fastest(self) -> float:
        """A speed that the flow hardly exceeds: that of its start, and what the force adds until drag balances it."""
        start = self.initial.amplitudes(*self.box)
        k = wavevectors(half_space(self.initial.n_frequencies, len(self.box)), *self.box)
        deviation = np.linalg.norm(start / np.linalg.norm(k, axis=0)) / math.sqrt(2)
        force, wavenumber = self.body_force
        balance = 1 / (self.viscosity * wavenumber**2 + self.drag)
        return float(_FASTEST * deviation + force * min(self.dt * self.steps, balance))

    def accurate_substeps(self) -> int:
        """Return a hundred steps in the time in which the fastest point crosses the box."""
        return math.ceil(_CROSSING * self.dt * self.fastest / min(self.box))

    def useful_resolutions(self) -> list[int]:
        """Return resolutions that double from 4 points to that of the data."""
        doubled = (_COARSEST << level for level in range(self.resolution.bit_length()))
        return sorted({*(n for n in doubled if n < self.resolution), self.resolution})
