"""Swift-Hohenberg equation."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import squared_wavenumber
from surrogate.solvers.stability import extremes


class SwiftHohenberg(Semilinear):
    r"""Swift-Hohenberg equation :math:`u_t = r u - (1 + \nabla^2)^2 u + g u^2 - u^3` on a periodic box.

    For r > 0 waves of length 2π grow out of u = 0 into stripes, and with g ≠ 0 into hexagons. Its free energy
    :math:`\int ((1 + \nabla^2) u)^2/2 - r u^2/2 - g u^3/3 + u^4/4` decays. Good values: r = 0.3, lengths of ten waves
    or more, four points for each unit of length, dt = 0.5.

    Parameters
    ----------
    grid
        A periodic grid in one to three dimensions.
    drive, quadratic
        The coefficients r and g, of any sign; parameter fields of the same names override them per sample.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A coefficient that is not finite, and as `Semilinear`.

    References
    ----------
    Swift & Hohenberg, Phys. Rev. A 15 (1977) 319; Cross & Hohenberg, Rev. Mod. Phys. 65 (1993) 851.
    """

    in_fields = out_fields = ("u",)
    parameter_fields = ("drive", "quadratic")
    attributes = {
        "u": {"units": "1", "long_name": "order parameter"},
        "drive": {"units": "1", "long_name": "distance from the onset"},
        "quadratic": {"units": "1", "long_name": "coefficient of the quadratic term"},
    }
    equation = "u_t = drive u - (1 + div grad)^2 u + quadratic u^2 - u^3"
    degree = 3

    def __init__(
        self,
        grid: Grid,
        *,
        drive: float,
        dt: float,
        quadratic: float = 0.0,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        constants = {"drive": drive, "quadratic": quadratic}
        super().__init__(grid, constants, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)

    def symbol(self, constants: Constants) -> Tensor:
        """Return :math:`r - (1 - |k|^2)^2`."""
        drive, _ = self.spread(constants)
        return drive - (1 - squared_wavenumber(self.domain, self.degree)) ** 2

    def factors(self, constants: Constants) -> Tensor:
        """Return g."""
        _, quadratic = self.spread(constants)
        return quadratic

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        """Return the modes of gu² - u³."""
        u = self.decode(modes)
        return self.encode((factors - u) * u.square())

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where u is frozen at its extremes, or at 1."""
        u = extremes(state, 1.0)
        return self.dt_where_stable(2 * self.constants[0, 1].item() * u - 3 * u**2)
