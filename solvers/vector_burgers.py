"""Viscous Burgers equations for a velocity."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import squared_wavenumber, wavenumbers
from surrogate.solvers.stability import advective_step


class VectorBurgers(Semilinear):
    r"""Burgers equations :math:`u_t + u \cdot \nabla u = \nu \nabla^2 u` for a velocity on a periodic box.

    In one dimension they are `Burgers`, whose conservative form holds there only: in more,
    :math:`\nabla \cdot (u u) = u \cdot \nabla u + u \, \nabla \cdot u`, and the mean of u is not conserved. A velocity
    without curl stays so. No component exceeds its largest initial value. Shocks have the thickness
    :math:`\nu / \Delta u`; the grid must resolve them.

    Parameters
    ----------
    grid
        A periodic grid in one to three dimensions.
    viscosity
        Viscosity ν > 0 in length²/time; the parameter field ``viscosity`` overrides it per sample.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A viscosity that is not positive, and as `Semilinear`.

    References
    ----------
    Burgers, Adv. Appl. Mech. 1 (1948) 171.
    """

    positive_fields = ("viscosity",)
    equation = "velocity_t + velocity . grad velocity = viscosity div grad velocity"

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
        super().__init__(grid, {"viscosity": viscosity}, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)
        self.in_fields = self.out_fields = tuple(f"velocity_{axis}" for axis in grid.names)
        components = {f"velocity_{axis}": {"units": "1", "long_name": f"velocity along {axis}"} for axis in grid.names}
        self.attributes = components | {"viscosity": {"units": "1", "long_name": "kinematic viscosity"}}
        for axis, k in zip(grid.names, wavenumbers(grid), strict=True):
            self.register_buffer(f"gradient_{axis}", (1j * k).to(dtype.to_complex()), persistent=False)

    def symbol(self, constants: Constants) -> Tensor:
        """Return -ν|k|²."""
        (viscosity,) = self.spread(constants)
        return -viscosity * squared_wavenumber(self.domain)

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        r"""Return the modes of :math:`-u \cdot \nabla u`."""
        slopes = [self.get_buffer(f"gradient_{axis}") * modes for axis in self.domain.names]
        u, *gradients = self.decode(torch.cat([modes, *slopes], dim=1)).chunk(1 + self.domain.dim, dim=1)
        transport = u[:, :1] * gradients[0]
        for axis in range(1, self.domain.dim):
            transport.addcmul_(u[:, axis : axis + 1], gradients[axis])
        return self.encode(transport.neg_())

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where the velocity is frozen at its largest."""
        viscosity = self.constants.item()
        step = advective_step(state, self.domain, lambda k: -viscosity * k**2, self.scheme_class)
        return self.substeps * step

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return the largest value of each component."""
        return {"maximum": state.flatten(2).abs().amax(-1)}
