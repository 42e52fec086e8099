"""Equations in which a field diffuses and grows up to a saturation."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import squared_wavenumber
from surrogate.solvers.stability import extremes


class ReactionDiffusion(Semilinear):
    r"""An equation :math:`u_t = D \nabla^2 u + r (u - u^d)` on a periodic box; d is its ``degree``.

    A subclass states the degree and what the fields are.
    """

    in_fields = out_fields = ("u",)
    parameter_fields = positive_fields = ("diffusivity", "rate")

    def __init__(
        self,
        grid: Grid,
        *,
        diffusivity: float,
        dt: float,
        rate: float = 1.0,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        constants = {"diffusivity": diffusivity, "rate": rate}
        super().__init__(grid, constants, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)

    def symbol(self, constants: Constants) -> Tensor:
        """Return r - D|k|²."""
        diffusivity, rate = self.spread(constants)
        return rate - diffusivity * squared_wavenumber(self.domain, self.degree)

    def factors(self, constants: Constants) -> Tensor:
        """Return -r."""
        _, rate = self.spread(constants)
        return -rate

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        """Return the modes of :math:`-r u^d`."""
        return factors * self.encode(self.decode(modes) ** self.degree)

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where u is frozen at its extremes, or at 1."""
        slope = self.degree * extremes(state, 1.0) ** (self.degree - 1)
        return self.dt_where_stable(-self.constants[0, 1].item() * slope)

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return max|u|, or 1 where it is smaller: the maximum principle, for even degrees where u ≥ 0."""
        return {"maximum": state.flatten(2).abs().amax(-1).clamp(min=1)}
