"""Linear advection."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.linear_equation import LinearEquation, diagonal_growth, per_axis
from surrogate.solvers.periodic import Constants
from surrogate.solvers.spectral import wavenumbers


class Advection(LinearEquation):
    r"""Linear advection :math:`u_t + c \cdot \nabla u = 0` on a periodic box in up to three dimensions, solved exactly.

    Good values: c = 1 on the unit interval; any dt.

    Parameters
    ----------
    grid
        A periodic grid.
    velocity
        The velocity c, one number for each axis. The parameter field ``velocity``, in more than one dimension
        ``velocity_x``, ``velocity_y``, ``velocity_z``, overrides it per sample.
    dt, dtype
        See `PeriodicEquation`.

    Raises
    ------
    InputError
        A velocity that is not finite or has another number of components, and as `PeriodicEquation`.

    Examples
    --------
    >>> solver = Advection(Grid((9,), periodic=True), velocity=1.0, dt=1 / 3)
    >>> u = torch.cos(2 * torch.pi * solver.domain.unit_coordinates(dtype=torch.float64)).reshape(1, 1, 9)
    >>> torch.allclose(solver(u), u.roll(3, dims=-1), rtol=0, atol=1e-15)
    True
    """

    in_fields = out_fields = ("u",)
    equation = "u_t + velocity . grad u = 0"

    def __init__(
        self, grid: Grid, *, velocity: float | Sequence[float], dt: float, dtype: torch.dtype = torch.float64
    ) -> None:
        constants = per_axis("velocity", velocity, grid)
        super().__init__(grid, constants, dt=dt, dtype=dtype)
        named = {name: {"units": "1", "long_name": name.replace("_", " along ")} for name in constants}
        self.attributes = {"u": {"units": "1", "long_name": "concentration"}, **named}

    def growth(self, constants: Constants, time: float) -> Tensor:
        """Return the factors for the symbol -ic·k."""
        return diagonal_growth(advection(constants, wavenumbers(self.domain, self.degree)), time)


def advection(velocity: Tensor, wavenumber: Sequence[Tensor]) -> Tensor:
    """Return -ic·k, ``(rows, *modes)``, for velocities ``(rows, axis)``."""
    columns = velocity.T.reshape(len(wavenumber), -1, *[1] * len(wavenumber))
    return -1j * sum((c * k for c, k in zip(columns, wavenumber, strict=True)), torch.zeros(()))
