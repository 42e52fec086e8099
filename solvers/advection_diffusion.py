"""Advection and diffusion."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.advection import advection
from surrogate.solvers.linear_equation import LinearEquation, diagonal_growth, per_axis
from surrogate.solvers.periodic import Constants
from surrogate.solvers.spectral import squared_wavenumber, wavenumbers


class AdvectionDiffusion(LinearEquation):
    r"""The equation :math:`u_t + c \cdot \nabla u = D \nabla^2 u` on a periodic box, solved exactly.

    Good values: c = 1 and D = 0.01 on the unit box; any dt.

    Parameters
    ----------
    grid
        A periodic grid in one to three dimensions.
    velocity
        The velocity c, one number for each axis. The parameter field ``velocity``, in more than one dimension
        ``velocity_x``, ``velocity_y``, ``velocity_z``, overrides it per sample.
    diffusivity
        Diffusivity D > 0 in length²/time; the last parameter field, ``diffusivity``, overrides it per sample.
    dt, dtype
        See `PeriodicEquation`.

    Raises
    ------
    InputError
        A diffusivity that is not positive, a velocity that is not finite or has another number of components, and as
        `PeriodicEquation`.
    """

    in_fields = out_fields = ("u",)
    positive_fields = ("diffusivity",)
    equation = "u_t + velocity . grad u = diffusivity div grad u"

    def __init__(
        self,
        grid: Grid,
        *,
        velocity: float | Sequence[float],
        diffusivity: float,
        dt: float,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        constants = per_axis("velocity", velocity, grid) | {"diffusivity": diffusivity}
        super().__init__(grid, constants, dt=dt, dtype=dtype)
        named = {name: {"units": "1", "long_name": name.replace("_", " along ")} for name in constants}
        self.attributes = {"u": {"units": "1", "long_name": "concentration"}, **named}

    def growth(self, constants: Constants, time: float) -> Tensor:
        """Return the factors for the symbol -ic·k - D|k|²."""
        k2 = squared_wavenumber(self.domain, self.degree)
        diffusion = constants[:, -1].reshape(-1, *[1] * k2.ndim) * k2
        return diagonal_growth(advection(constants[:, :-1], wavenumbers(self.domain, self.degree)) - diffusion, time)
