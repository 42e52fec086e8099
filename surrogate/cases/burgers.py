"""Burgers flow out of a Gaussian random field, the first experiment of the operator-learning literature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.cases.periodic_case import PeriodicCase
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.burgers import Burgers as BurgersSolver
from surrogate.solvers.initial.gaussian_random_field import GaussianRandomField
from surrogate.solvers.schemes import SchemeName

# A point of a Gaussian field exceeds five standard deviations once in 2e6: the fastest point of any usual ensemble.
_FASTEST = 5.0
# With 1/300 of the time in which the fastest point crosses the domain, errors of the time step are about 1e-8.
_CROSSING = 300


@dataclass(frozen=True)
class Burgers(PeriodicCase):
    r"""Burgers equation :math:`u_t + (u^2/2)_x = \nu u_{xx}` on the periodic unit interval, from random initial data.

    Parameters
    ----------
    resolution
        Number of grid points.
    viscosity
        Viscosity ν > 0.
    dt
        Time between two frames.
    steps
        Number of frames after the initial one; ``steps=1`` makes a map from start to end.
    initial
        Distribution of the initial data.

    Raises
    ------
    InputError
        Values that `surrogate.solvers.Burgers` refuses, or ``steps`` below 1.

    Examples
    --------
    >>> case = Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=10)
    >>> u = case.initial_state([0, 1], seed=0)
    >>> case.solver()(u).shape
    torch.Size([2, 1, 64])
    """

    resolution: int = 256
    viscosity: float = 0.1
    dt: float = field(default=1.0, kw_only=True)
    steps: int = field(default=1, kw_only=True)
    initial: GaussianRandomField = field(default=GaussianRandomField(), kw_only=True)

    equation: ClassVar[str] = BurgersSolver.equation
    #: Data of arXiv 2010.08895: ``R10`` and ``v1000`` as the scripts make them, ``paper`` as the text says.
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "R10": {"resolution": 8192, "viscosity": 0.1, "initial": GaussianRandomField(n_frequencies=4096)},
        "paper": {"resolution": 8192, "viscosity": 0.1, "initial": GaussianRandomField.paper(n_frequencies=4096)},
        "v1000": {
            "resolution": 1024,
            "viscosity": 0.001,
            "dt": 0.005,
            "steps": 200,
            "initial": GaussianRandomField(n_frequencies=512),
        },
    }

    @property
    def parameters(self) -> dict[str, float]:
        """The viscosity."""
        return {"viscosity": self.viscosity}

    def make_solver(self, grid: Grid, substeps: int, dtype: torch.dtype, scheme: SchemeName) -> BurgersSolver:
        """Return the solver on that grid."""
        return BurgersSolver(grid, viscosity=self.viscosity, dt=self.dt, substeps=substeps, scheme=scheme, dtype=dtype)

    def fastest_state(self, grid: Grid) -> Float[Tensor, "1 1 x"]:
        """Return a wind of the largest speed."""
        return torch.full((1, 1, *grid.shape), self._fastest)

    def accurate_substeps(self) -> int:
        """Return how many substeps keep mean relative errors of the time step at about 1e-8."""
        return math.ceil(_CROSSING * self.dt * self._fastest)

    def useful_resolutions(self) -> list[int]:
        """Return resolutions that double from 16 points until shocks are resolved, and that of the data."""
        resolutions, thickness = [16], self.viscosity / (4 * self._fastest)
        while resolutions[-1] * thickness < 1:
            resolutions.append(2 * resolutions[-1])
        return sorted({*(n for n in resolutions if n < self.resolution), self.resolution})

    @property
    def _fastest(self) -> float:
        return _FASTEST * self.initial.standard_deviation()
