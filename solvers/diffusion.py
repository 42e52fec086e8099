"""Diffusion."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.linear_equation import LinearEquation, diagonal_growth
from surrogate.solvers.periodic import Constants
from surrogate.solvers.spectral import squared_wavenumber


class Diffusion(LinearEquation):
    r"""Diffusion :math:`u_t = D \nabla^2 u` on a periodic box in one to three dimensions, solved exactly.

    Good values: D = 0.01 on the unit box; any dt.

    Parameters
    ----------
    grid
        A periodic grid.
    diffusivity
        Diffusivity D > 0 in length²/time; the parameter field ``diffusivity`` overrides it per sample.
    dt, dtype
        See `PeriodicEquation`.

    Raises
    ------
    InputError
        A diffusivity that is not positive, and as `PeriodicEquation`.
    """

    in_fields = out_fields = ("u",)
    parameter_fields = positive_fields = ("diffusivity",)
    attributes = {
        "u": {"units": "1", "long_name": "concentration"},
        "diffusivity": {"units": "1", "long_name": "diffusivity"},
    }
    equation = "u_t = diffusivity div grad u"

    def __init__(self, grid: Grid, *, diffusivity: float, dt: float, dtype: torch.dtype = torch.float64) -> None:
        super().__init__(grid, {"diffusivity": diffusivity}, dt=dt, dtype=dtype)

    def growth(self, constants: Constants, time: float) -> Tensor:
        """Return the factors for the symbol -D|k|²."""
        k2 = squared_wavenumber(self.domain, self.degree)
        return diagonal_growth(-constants[:, 0].reshape(-1, *[1] * k2.ndim) * k2, time)
