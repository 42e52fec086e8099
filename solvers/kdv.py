"""Korteweg-de Vries equation."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.convective import Convective
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Substeps
from surrogate.solvers.spectral import wavenumbers


class KdV(Convective):
    r"""Korteweg-de Vries equation :math:`u_t + a (u^2/2)_x + \delta u_{xxx} = 0` on a periodic interval.

    Its solitons are :math:`u = (3 c/a) \operatorname{sech}^2 (\sqrt{c/\delta}\, (x - c t)/2)`; they pass through each
    other unchanged but for a shift. Good values: length 40, 256 points, dt = 0.005 for solitons of speed c = 4.

    Parameters
    ----------
    grid
        A periodic grid of one dimension.
    convection, dispersion
        The coefficients a and δ, of any sign; parameter fields of the same names override them per sample.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A coefficient that is not finite, a grid that is not one-dimensional, and as `Semilinear`.

    References
    ----------
    Zabusky & Kruskal, Phys. Rev. Lett. 15 (1965) 240; Kassam & Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214 (scheme).
    """

    parameter_fields = ("convection", "dispersion")
    attributes = {
        "u": {"units": "1", "long_name": "elevation"},
        "convection": {"units": "1", "long_name": "coefficient of convection"},
        "dispersion": {"units": "1", "long_name": "coefficient of dispersion"},
    }
    equation = "u_t + convection (u^2/2)_x + dispersion u_xxx = 0"

    def __init__(
        self,
        grid: Grid,
        *,
        dt: float,
        convection: float = 6.0,
        dispersion: float = 1.0,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        constants = {"convection": convection, "dispersion": dispersion}
        super().__init__(grid, constants, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)

    def symbol(self, constants: Constants) -> Tensor:
        """Return iδk³."""
        (k,) = wavenumbers(self.domain)
        return 1j * constants[:, 1, None, None] * k**3

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the mean of u and that of u²."""
        return super().invariants(state) | {"mean square": state.square().mean(dim=(1, 2))}

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return the norm of u, which is conserved."""
        return {"norm": state.flatten(2).norm(dim=-1)}
