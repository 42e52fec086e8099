"""Allen-Cahn equation."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.semilinear import Semilinear
from surrogate.solvers.spectral import require_line, wavenumbers
from surrogate.solvers.stability import extremes


class AllenCahn(Semilinear):
    r"""Allen-Cahn equation :math:`u_t = D u_{xx} + r (u - u^3)` on a periodic interval.

    Two phases, u = -1 and u = 1, parted by interfaces :math:`\tanh (x \sqrt{r/2D})` that are at rest on a line but for
    an attraction which decays exponentially with their distance. Good values: length 2, D = 1e-3, r = 5, 512 points,
    dt = 0.01.

    Parameters
    ----------
    grid
        A periodic grid of one dimension.
    diffusivity, rate
        The coefficients D > 0 and r > 0; parameter fields of the same names override them per sample.
    dt, substeps, dtype
        See `PeriodicEquation`.

    Raises
    ------
    InputError
        A coefficient that is not positive, a grid that is not one-dimensional, and as `PeriodicEquation`.

    References
    ----------
    Allen & Cahn, Acta Metall. 27 (1979) 1085.
    """

    in_fields = out_fields = ("u",)
    parameter_fields = positive_fields = ("diffusivity", "rate")
    attributes = {
        "u": {"units": "1", "long_name": "order parameter"},
        "diffusivity": {"units": "1", "long_name": "diffusivity"},
        "rate": {"units": "1", "long_name": "rate of reaction"},
    }
    equation = "u_t = diffusivity u_xx + rate (u - u^3)"
    degree = 3

    def __init__(
        self,
        grid: Grid,
        *,
        diffusivity: float,
        dt: float,
        rate: float = 1.0,
        substeps: int = 1,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        require_line(grid)
        constants = {"diffusivity": diffusivity, "rate": rate}
        super().__init__(grid, constants, dt=dt, substeps=substeps, dtype=dtype)

    def symbol(self, constants: Constants) -> Tensor:
        """Return r - Dk²."""
        (k,) = wavenumbers(self.domain, self.degree)
        diffusivity, rate = constants.T[:, :, None, None].unbind()
        return rate - diffusivity * k**2

    def nonlinear(self, modes: Tensor, constants: Constants) -> Tensor:
        """Return the modes of -ru³."""
        return -constants[:, 1, None, None] * self.encode(self.decode(modes) ** 3)

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where u is frozen at its extremes, or at the phases."""
        return self.dt_where_stable(-3 * self.constants[0, 1].item() * extremes(state, 1.0) ** 2)

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return max|u|, or 1 where it is smaller: the maximum principle."""
        return {"maximum": state.flatten(2).abs().amax(-1).clamp(min=1)}
