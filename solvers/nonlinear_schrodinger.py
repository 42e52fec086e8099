"""Nonlinear Schrödinger equation."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import require_line, wavenumbers


class NonlinearSchrodinger(Semilinear):
    r"""Cubic Schrödinger equation :math:`i \psi_t + d \psi_{xx} + g |\psi|^2 \psi = 0` on a periodic interval.

    The fields are the real part u and the imaginary part v of ψ. For g d > 0 (focusing) there are solitons and plane
    waves are unstable to modulation; for g d < 0 (defocusing) they are stable. Good values: d = 1/2, g = 1, length 20,
    256 points, dt = 0.005 for the soliton sech x.

    Parameters
    ----------
    grid
        A periodic grid of one dimension.
    dispersion, nonlinearity
        The coefficients d and g, of any sign; parameter fields of the same names override them per sample.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A coefficient that is not finite, a grid that is not one-dimensional, and as `Semilinear`.

    References
    ----------
    Zakharov & Shabat, Sov. Phys. JETP 34 (1972) 62.
    """

    in_fields = out_fields = ("u", "v")
    parameter_fields = ("dispersion", "nonlinearity")
    attributes = {
        "u": {"units": "1", "long_name": "real part of the wave function"},
        "v": {"units": "1", "long_name": "imaginary part of the wave function"},
        "dispersion": {"units": "1", "long_name": "coefficient of dispersion"},
        "nonlinearity": {"units": "1", "long_name": "coefficient of the cubic term"},
    }
    equation = "i psi_t + dispersion psi_xx + nonlinearity |psi|^2 psi = 0, psi = u + i v"
    degree = 3

    def __init__(
        self,
        grid: Grid,
        *,
        dt: float,
        dispersion: float = 0.5,
        nonlinearity: float = 1.0,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        require_line(grid)
        constants = {"dispersion": dispersion, "nonlinearity": nonlinearity}
        super().__init__(grid, constants, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)

    def encode(self, fields: State) -> Tensor:
        """Return the modes k ≥ 0 of ψ and of its conjugate, in which the linear part is diagonal."""
        u, v = super().encode(fields).unbind(1)
        return torch.stack([u + 1j * v, u - 1j * v], dim=1)

    def decode(self, modes: Tensor) -> State:
        """Return u and v."""
        psi, conjugate = modes.unbind(1)
        return super().decode(torch.stack([psi + conjugate, -1j * (psi - conjugate)], dim=1) / 2)

    def symbol(self, constants: Constants) -> Tensor:
        """Return -idk² for ψ and idk² for its conjugate."""
        (k,) = wavenumbers(self.domain, self.degree)
        rotation = 1j * constants[:, :1] * k**2
        return torch.stack([-rotation, rotation], dim=1)

    def factors(self, constants: Constants) -> Tensor:
        """Return g."""
        _, nonlinearity = self.spread(constants)
        return nonlinearity

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        r"""Return the modes of :math:`i g |\psi|^2 \psi`."""
        fields = self.decode(modes)
        u, v = fields.unbind(1)
        density = fields.square().sum(1, keepdim=True)
        return self.encode(factors * density * torch.stack([-v, u], dim=1))

    def dt_max(self, state: State) -> float:
        r"""Return the step that is stable where ψ turns with :math:`3 |g| \max |\psi|^2`, the most N changes by."""
        fastest = 3j * self.constants[0, 1].item() * state.square().sum(1).max().item()
        return self.dt_where_stable(torch.tensor([fastest, -fastest], dtype=torch.complex128)[:, None, None])

    def invariants(self, state: State) -> dict[str, Tensor]:
        r"""Return the mean of :math:`|\psi|^2`."""
        return {"mean density": state.square().sum(1).mean(-1)}

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return the norm of ψ, which is conserved."""
        return {"norm": state.flatten(1).norm(dim=-1, keepdim=True).expand(-1, 2)}
