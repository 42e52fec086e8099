"""Kuramoto-Sivashinsky equation for the potential of the velocity."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import squared_wavenumber, wavenumbers


class KuramotoSivashinskyPotential(Semilinear):
    r"""Equation :math:`u_t + \frac{a}{2} |\nabla u|^2 + b \nabla^2 u + c \nabla^4 u = 0` without its mean, on a box.

    The front of a flame, whose slope in one dimension solves `KuramotoSivashinsky`. The mean of u falls for ever as the
    front advances, and nothing depends on it: it is kept what it was. Good values: the lengths 64, three points or more
    for each unit of length, dt = 0.1.

    Parameters
    ----------
    grid
        A periodic grid in one to three dimensions.
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
        A hyperdiffusion that is not positive, other coefficients that are not finite, and as `Semilinear`.

    References
    ----------
    Sivashinsky, Acta Astronautica 4 (1977) 1177; Kalogirou, Keaveny & Papageorgiou, Proc. R. Soc. A 471 (2015) 20140932
    (two dimensions).
    """

    in_fields = out_fields = ("u",)
    parameter_fields = ("convection", "antidiffusion", "hyperdiffusion")
    attributes = {
        "u": {"units": "1", "long_name": "height of the front"},
        "convection": {"units": "1", "long_name": "coefficient of convection"},
        "antidiffusion": {"units": "1", "long_name": "coefficient of antidiffusion"},
        "hyperdiffusion": {"units": "1", "long_name": "coefficient of hyperdiffusion"},
    }
    positive_fields = ("hyperdiffusion",)
    equation = "u_t + convection |grad u|^2 / 2 + antidiffusion div grad u + hyperdiffusion (div grad)^2 u = 0, no mean"

    gradient: Tensor
    varying: Tensor

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
        k2 = squared_wavenumber(grid)
        gradient = torch.stack([(1j * k).expand_as(k2) for k in wavenumbers(grid)])
        self.register_buffer("gradient", gradient.to(dtype.to_complex()), persistent=False)
        self.register_buffer("varying", (k2 > 0).to(dtype), persistent=False)

    def symbol(self, constants: Constants) -> Tensor:
        """Return :math:`b |k|^2 - c |k|^4`."""
        k2 = squared_wavenumber(self.domain)
        _, b, c = self.spread(constants)
        return b * k2 - c * k2**2

    def factors(self, constants: Constants) -> Tensor:
        """Return -a/2, and zero for the mean."""
        convection, _, _ = self.spread(constants)
        return -0.5 * convection * self.varying

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        r"""Return the modes of :math:`-\frac{a}{2} |\nabla u|^2`, but for the mean."""
        return factors * self.encode(self.decode(self.gradient * modes).square().sum(1, keepdim=True))

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where every component of the slope is frozen at its largest."""
        slopes = self.decode(self.gradient * self.encode(state.to(self.gradient.device, self.dtype)))
        largest = slopes.abs().movedim(1, 0).flatten(1).amax(1).tolist()
        turning = sum(k * slope for k, slope in zip(wavenumbers(self.domain), largest, strict=True))
        return self.dt_where_stable(-1j * self.constants[0, 0].item() * torch.as_tensor(turning)[None, None])

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the mean of u."""
        return {"mean": state.flatten(1).mean(1)}
