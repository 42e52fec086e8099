"""Cahn-Hilliard equation."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import squared_wavenumber
from surrogate.solvers.stability import extremes


class CahnHilliard(Semilinear):
    r"""Cahn-Hilliard equation :math:`u_t = M \nabla^2 (u^3 - u - \gamma \nabla^2 u)` on a periodic box.

    A mixture separates into the phases u = -1 and u = 1, with interfaces of the width :math:`\sqrt \gamma`. The mean of
    u is conserved, the free energy :math:`\int (u^2 - 1)^2/4 + \gamma |\nabla u|^2/2` decays. Good values: length 1,
    M = 1, γ = 1e-3, 256 points, dt = 1e-4.

    Parameters
    ----------
    grid
        A periodic grid in one to three dimensions.
    gradient_energy, mobility
        The coefficients γ > 0 and M > 0; parameter fields of the same names override them per sample.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A coefficient that is not positive, and as `Semilinear`.

    References
    ----------
    Cahn & Hilliard, J. Chem. Phys. 28 (1958) 258.
    """

    in_fields = out_fields = ("u",)
    parameter_fields = positive_fields = ("gradient_energy", "mobility")
    attributes = {
        "u": {"units": "1", "long_name": "order parameter"},
        "gradient_energy": {"units": "1", "long_name": "gradient energy coefficient"},
        "mobility": {"units": "1", "long_name": "mobility"},
    }
    equation = "u_t = mobility div grad (u^3 - u - gradient_energy div grad u)"
    degree = 3

    laplacian: Tensor

    def __init__(
        self,
        grid: Grid,
        *,
        gradient_energy: float,
        dt: float,
        mobility: float = 1.0,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        constants = {"gradient_energy": gradient_energy, "mobility": mobility}
        super().__init__(grid, constants, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)
        self.register_buffer("laplacian", -squared_wavenumber(grid, self.degree).to(dtype), persistent=False)

    def symbol(self, constants: Constants) -> Tensor:
        r"""Return :math:`M (|k|^2 - \gamma |k|^4)`."""
        k2 = squared_wavenumber(self.domain, self.degree)
        gradient_energy, mobility = self.spread(constants)
        return mobility * (k2 - gradient_energy * k2**2)

    def factors(self, constants: Constants) -> Tensor:
        """Return -M|k|²."""
        _, mobility = self.spread(constants)
        return mobility * self.laplacian

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        r"""Return the modes of :math:`M \nabla^2 u^3`."""
        return factors * self.encode(self.decode(modes) ** 3)

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where u is frozen at its extremes, or at the phases."""
        k2 = squared_wavenumber(self.domain, self.degree)
        return self.dt_where_stable(-3 * self.constants[0, 1].item() * k2 * extremes(state, 1.0) ** 2)

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the mean of u."""
        return {"mean": state.flatten(1).mean(1)}

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return max|u|, or 1.5 where it is smaller: phases of ±1 overshoot by less as they separate."""
        return {"maximum": state.flatten(2).abs().amax(-1).clamp(min=1.5)}
