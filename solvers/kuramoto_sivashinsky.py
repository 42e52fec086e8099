"""Kuramoto-Sivashinsky equation."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.convective import Convective
from surrogate.solvers.periodic import Constants
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Substeps
from surrogate.solvers.spectral import wavenumbers


class KuramotoSivashinsky(Convective):
    r"""Kuramoto-Sivashinsky equation :math:`u_t + a (u^2/2)_x + b u_{xx} + c u_{xxxx} = 0`, in conservative form.

    On a periodic interval longer than about 22 (for a = b = c = 1) the solution is chaotic: an error grows as
    :math:`e^{0.05 t}` at the length 22 and as :math:`e^{0.1 t}` on long intervals. Good values: length 64, 256 points,
    dt = 0.1; at least three points for each unit of length.

    Parameters
    ----------
    grid
        A periodic grid of one dimension.
    convection
        The coefficient a; the parameter fields ``convection``, ``antidiffusion`` and ``hyperdiffusion`` override the
        coefficients per sample.
    antidiffusion, hyperdiffusion
        The coefficients b and c > 0.
    dt, substeps, scheme, dtype
        See `Semilinear`. Chaos makes trajectories in float32 leave those in float64 after some Lyapunov times.

    Raises
    ------
    InputError
        A hyperdiffusion that is not positive, other coefficients that are not finite, a grid that is not
        one-dimensional, and as `Semilinear`.

    References
    ----------
    Kassam & Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214.
    """

    parameter_fields = ("convection", "antidiffusion", "hyperdiffusion")
    attributes = {
        "u": {"units": "1", "long_name": "velocity"},
        "convection": {"units": "1", "long_name": "coefficient of convection"},
        "antidiffusion": {"units": "1", "long_name": "coefficient of antidiffusion"},
        "hyperdiffusion": {"units": "1", "long_name": "coefficient of hyperdiffusion"},
    }
    positive_fields = ("hyperdiffusion",)
    equation = "u_t + convection (u^2/2)_x + antidiffusion u_xx + hyperdiffusion u_xxxx = 0"

    def __init__(
        self,
        grid: Grid,
        *,
        dt: float,
        convection: float = 1.0,
        antidiffusion: float = 1.0,
        hyperdiffusion: float = 1.0,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        constants = {"convection": convection, "antidiffusion": antidiffusion, "hyperdiffusion": hyperdiffusion}
        super().__init__(grid, constants, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)

    def symbol(self, constants: Constants) -> Tensor:
        """Return bk² - ck⁴."""
        (k,) = wavenumbers(self.domain)
        _, b, c = constants.T[:, :, None, None].unbind()
        return b * k**2 - c * k**4
