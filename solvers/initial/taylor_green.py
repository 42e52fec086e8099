"""Vortices of Taylor and Green."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial.distribution import Distribution
from surrogate.solvers.initial.modes import require_box
from surrogate.solvers.random_streams import generator


@dataclass(frozen=True)
class TaylorGreen(Distribution):
    r"""The velocity of Taylor and Green on a periodic box, :math:`a_i = 2 \pi (x_i - x_{0 i}) / L_i`.

    .. math::
        u = A (\sin a_1 \cos a_2, \; -\tfrac{L_2}{L_1} \cos a_1 \sin a_2) \quad \text{in two dimensions,} \quad
        A (\sin a_1 \cos a_2 \cos a_3, \; -\tfrac{L_2}{L_1} \cos a_1 \sin a_2 \cos a_3, \; 0) \quad \text{in three}

    In two dimensions it solves the Navier-Stokes equations as it decays with the rate
    :math:`\nu (2\pi)^2 (L_1^{-2} + L_2^{-2})`; in three it breaks up into turbulence. `surrogate.solvers.curl` gives
    its vorticity.

    Parameters
    ----------
    amplitude
        A, the largest velocity along x.
    shifted
        Move each sample by a random distance along each axis. Else all samples are the same.

    References
    ----------
    Taylor & Green, Proc. R. Soc. A 158 (1937) 499.
    """

    amplitude: float = 1.0
    shifted: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.amplitude < math.inf:
            raise expected("a positive amplitude", self.amplitude, "Correct `amplitude`.")

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "dim x *space"]:
        """Return the velocity of sample ``index`` of the ensemble ``seed`` on a periodic grid, float64.

        Raises
        ------
        InputError
            A grid that is not periodic, or not of two or three dimensions; a bad seed or index.
        """
        require_box(grid, 2, 3)
        shift = generator(seed, index).uniform(0, 2 * np.pi, grid.dim) * self.shifted
        angles = np.moveaxis(2 * np.pi * grid.unit_coordinates(dtype=torch.float64).numpy(), -1, 0)
        a = angles - shift.reshape(-1, *[1] * grid.dim)
        rest = np.cos(a[2]) if grid.dim == 3 else 1.0
        aspect = grid.lengths[1] / grid.lengths[0]
        velocity = np.zeros_like(a)
        velocity[0] = self.amplitude * np.sin(a[0]) * np.cos(a[1]) * rest
        velocity[1] = -self.amplitude * aspect * np.cos(a[0]) * np.sin(a[1]) * rest
        return torch.from_numpy(velocity)
