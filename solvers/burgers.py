"""Viscous Burgers equation in one dimension."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import require_line, to_modes, to_points, wavenumbers
from surrogate.solvers.stability import advective_step


class Burgers(Semilinear):
    r"""Burgers equation :math:`u_t + (u^2/2)_x = \nu u_{xx}` on a periodic interval, in conservative form.

    Shocks have the thickness :math:`\nu / \Delta u`; the grid must resolve them. `faults` tells where it does not,
    and where the norm of u grows, which the equation forbids.

    Parameters
    ----------
    grid
        A periodic grid of one dimension.
    viscosity
        Viscosity ν > 0 in length²/time; the parameter field ``viscosity`` overrides it per sample. Zero is refused: the
        inviscid equation forms shocks, and a Fourier-Galerkin method does not converge to the entropy solution.
    dt, substeps, scheme, dtype
        See `Semilinear`. Relative to float64, float32 changes a state by about 1e-6.

    Raises
    ------
    InputError
        A viscosity that is not positive, a grid that is not periodic or not one-dimensional, and as `Semilinear`.

    References
    ----------
    Kassam & Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214 (scheme and test problem).

    Examples
    --------
    >>> solver = Burgers(Grid((64,), periodic=True), viscosity=0.1, dt=0.01)
    >>> u = torch.sin(2 * torch.pi * solver.domain.unit_coordinates(dtype=torch.float64)).reshape(1, 1, 64)
    >>> round(solver(u).abs().max().item(), 2)
    0.96
    """

    in_fields = out_fields = ("u",)
    parameter_fields = ("viscosity",)
    attributes = {
        "u": {"units": "1", "long_name": "velocity"},
        "viscosity": {"units": "1", "long_name": "kinematic viscosity"},
    }
    positive_fields = ("viscosity",)
    equation = "u_t + (u^2/2)_x = viscosity u_xx"

    flux: Tensor

    def __init__(
        self,
        grid: Grid,
        *,
        viscosity: float,
        dt: float,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        require_line(grid)
        super().__init__(grid, {"viscosity": viscosity}, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)
        (k,) = wavenumbers(grid)
        self.register_buffer("flux", (-0.5j * k).to(dtype.to_complex()), persistent=False)

    def symbol(self, constants: Constants) -> Tensor:
        """Return -viscosity k²."""
        (k,) = wavenumbers(self.domain)
        return -constants[:, :, None] * k**2

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        """Return the modes of :math:`-(u^2/2)_x`."""
        return self.flux * to_modes(to_points(modes, self.domain.shape).square(), 1)

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where u is frozen at its largest."""
        viscosity = self.constants.item()
        step = advective_step(state, self.domain, lambda k: -viscosity * k**2, self.scheme_class)
        return self.substeps * step

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the mean of u."""
        return {"mean": state.mean(dim=(1, 2))}

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return the norm of u, which decays."""
        return {"norm": state.flatten(2).norm(dim=-1)}
