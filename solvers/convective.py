"""Equations of one dimension that convect: the quadratic flux and its limit of the time step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import require_line, wavenumbers
from surrogate.solvers.stability import extremes


class Convective(Semilinear):
    r"""An equation :math:`u_t + a (u^2/2)_x = L u` on a periodic interval, whose first constant is a.

    A subclass states the `symbol` of L.
    """

    in_fields = out_fields = ("u",)

    flux: Tensor

    def __init__(
        self,
        grid: Grid,
        constants: Mapping[str, float],
        *,
        dt: float,
        substeps: Substeps,
        scheme: SchemeName,
        dtype: torch.dtype,
    ) -> None:
        require_line(grid)
        super().__init__(grid, constants, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)
        (k,) = wavenumbers(grid)
        self.register_buffer("flux", (-0.5j * k).to(dtype.to_complex()), persistent=False)

    def factors(self, constants: Constants) -> Tensor:
        r"""Return the symbol of :math:`-(a/2) \partial_x`."""
        return constants[:, :1, None] * self.flux

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        """Return the modes of :math:`-a (u^2/2)_x`."""
        return factors * self.encode(self.decode(modes).square())

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where u is frozen at its extremes."""
        (k,) = wavenumbers(self.domain)
        return self.dt_where_stable(-1j * k * self.constants[0, 0].item() * extremes(state))

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the mean of u."""
        return {"mean": state.mean(dim=(1, 2))}
