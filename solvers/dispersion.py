"""Linear dispersion."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.linear_equation import LinearEquation, diagonal_growth
from surrogate.solvers.periodic import Constants
from surrogate.solvers.spectral import require_line, wavenumbers


class Dispersion(LinearEquation):
    r"""Linear dispersion :math:`u_t + \delta u_{xxx} = 0` on a periodic interval, solved exactly: Airy's equation.

    Good values: δ = 1e-3 on the unit interval; any dt.

    Parameters
    ----------
    grid
        A periodic grid of one dimension.
    dispersion
        The coefficient δ, of any sign; the parameter field ``dispersion`` overrides it per sample.
    dt, dtype
        See `PeriodicEquation`.

    Raises
    ------
    InputError
        A coefficient that is not finite, a grid that is not one-dimensional, and as `PeriodicEquation`.
    """

    in_fields = out_fields = ("u",)
    parameter_fields = ("dispersion",)
    attributes = {
        "u": {"units": "1", "long_name": "elevation"},
        "dispersion": {"units": "1", "long_name": "coefficient of dispersion"},
    }
    equation = "u_t + dispersion u_xxx = 0"

    def __init__(self, grid: Grid, *, dispersion: float, dt: float, dtype: torch.dtype = torch.float64) -> None:
        require_line(grid)
        super().__init__(grid, {"dispersion": dispersion}, dt=dt, dtype=dtype)

    def growth(self, constants: Constants, time: float) -> Tensor:
        """Return the factors for the symbol iδk³."""
        (k,) = wavenumbers(self.domain, self.degree)
        return diagonal_growth(1j * constants * k**3, time)
