"""Wave equation."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.linear_equation import LinearEquation
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.spectral import squared_wavenumber


class Wave(LinearEquation):
    r"""Wave equation :math:`u_{tt} = c^2 \nabla^2 u` on a periodic box in one to three dimensions, solved exactly.

    The fields are u and its rate v: :math:`u_t = v`, :math:`v_t = c^2 \nabla^2 u`. Their mean values move uniformly.
    Good values: c = 1 on the unit box; any dt.

    Parameters
    ----------
    grid
        A periodic grid.
    speed
        Speed c > 0 of the waves; the parameter field ``speed`` overrides it per sample.
    dt, dtype
        See `PeriodicEquation`.

    Raises
    ------
    InputError
        A speed that is not positive, and as `PeriodicEquation`.
    """

    in_fields = out_fields = ("u", "v")
    parameter_fields = positive_fields = ("speed",)
    attributes = {
        "u": {"units": "1", "long_name": "displacement"},
        "v": {"units": "1", "long_name": "rate of displacement"},
        "speed": {"units": "1", "long_name": "speed of waves"},
    }
    equation = "u_t = v, v_t = speed^2 div grad u"

    def __init__(self, grid: Grid, *, speed: float, dt: float, dtype: torch.dtype = torch.float64) -> None:
        super().__init__(grid, {"speed": speed}, dt=dt, dtype=dtype)

    def growth(self, constants: Constants, time: float) -> Tensor:
        r"""Return the rotation by the angle :math:`\omega t = c |k| t`, less the identity."""
        k = squared_wavenumber(self.domain, self.degree).sqrt()
        omega = constants[:, 0].reshape(-1, *[1] * k.ndim) * k
        cosine = -2 * (omega * time / 2).sin().square()
        sine_over_omega = time * torch.sinc(omega * time / torch.pi)
        to_u = torch.stack([cosine, sine_over_omega], dim=1)
        to_v = torch.stack([-omega.square() * sine_over_omega, cosine], dim=1)
        return torch.stack([to_u, to_v], dim=1)

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the mean of v."""
        return {"mean rate": state[:, 1].flatten(1).mean(1)}
