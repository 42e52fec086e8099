"""Fisher-KPP equation."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.semilinear import Semilinear
from surrogate.solvers.spectral import require_line, wavenumbers
from surrogate.solvers.stability import extremes


class FisherKPP(Semilinear):
    r"""Fisher-KPP equation :math:`u_t = D u_{xx} + r u (1 - u)` on a periodic interval.

    The state u = 1 invades u = 0 by fronts, out of localized data with the speed :math:`2 \sqrt{D r}`. States below
    zero are unstable and blow up. Good values: D = r = 1, length 200, 512 points, dt = 0.05.

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
    Fisher, Ann. Eugenics 7 (1937) 355; Ablowitz & Zeppetella, Bull. Math. Biol. 41 (1979) 835 (an exact front).
    """

    in_fields = out_fields = ("u",)
    parameter_fields = positive_fields = ("diffusivity", "rate")
    attributes = {
        "u": {"units": "1", "long_name": "concentration"},
        "diffusivity": {"units": "1", "long_name": "diffusivity"},
        "rate": {"units": "1", "long_name": "rate of growth"},
    }
    equation = "u_t = diffusivity u_xx + rate u (1 - u)"

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
        (k,) = wavenumbers(self.domain)
        diffusivity, rate = constants.T[:, :, None, None].unbind()
        return rate - diffusivity * k**2

    def nonlinear(self, modes: Tensor, constants: Constants) -> Tensor:
        """Return the modes of -ru²."""
        return -constants[:, 1, None, None] * self.encode(self.decode(modes).square())

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where u is frozen at its extremes, or at 1."""
        return self.dt_where_stable(-2 * self.constants[0, 1].item() * extremes(state, 1.0))

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return max|u|, or 1 where it is smaller: the maximum principle for u ≥ 0."""
        return {"maximum": state.flatten(2).abs().amax(-1).clamp(min=1)}
