"""The engine of linear periodic equations: one step of any length is exact."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Carry, Constants, PeriodicEquation, State


class LinearEquation(PeriodicEquation):
    r"""A linear equation :math:`u_t = L u` with constant coefficients on a periodic box, solved exactly.

    Every mode that the grid holds is multiplied by :math:`e^{\Delta t L}`, as an increment
    :math:`(e^{\Delta t L} - 1) u`, whatever the time step; only the Nyquist modes, whose derivative is undefined, are
    set to zero. An equation states its `growth`.

    Parameters
    ----------
    grid, constants, dt, dtype
        See `PeriodicEquation`.

    Raises
    ------
    InputError
        As `PeriodicEquation`.
    """

    order = math.inf
    scheme = "exact"
    degree: ClassVar[int] = 1

    def __init__(self, grid: Grid, constants: Mapping[str, float], *, dt: float, dtype: torch.dtype) -> None:
        super().__init__(grid, constants, dt=dt, substeps=1, dtype=dtype)

    @abstractmethod
    def growth(self, constants: Constants, time: float) -> Tensor:
        """Return :math:`e^{t L} - 1` as matrices between channels, ``(rows, to, from, *modes)``.

        Computed in float64 or complex128 on the host; `diagonal_growth` makes it from a symbol.
        """

    def scheme_coefficients(self, constants: Constants, step: float) -> Tensor:
        """Return `growth` over a step."""
        return self.growth(constants, step)[None]

    def advance(self, carry: Carry) -> Tensor:
        """Add the increment."""
        (growth,) = carry.coefficients
        return carry.modes + (growth * carry.modes[:, None]).sum(2)

    def dt_max(self, state: State) -> float:
        """Return infinity: every step is stable."""
        return math.inf

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the mean of u."""
        return {"mean": state.flatten(1).mean(1)}


def diagonal_growth(symbol: Tensor, time: float) -> Tensor:
    """Return :math:`e^{t L} - 1` for one field and the symbol of L, ``(rows, *modes)``."""
    return torch.expm1(time * symbol)[:, None, None]


def per_axis(name: str, values: float | Sequence[float], grid: Grid) -> dict[str, float]:
    """Return a vector as constants: ``name`` in one dimension, ``name_x``, ``name_y``, ... in more."""
    components = [float(values)] if isinstance(values, int | float) else [float(value) for value in values]
    if len(components) != grid.dim:
        raise expected(f"a {name} with {grid.dim} components", values, "Give one for each axis of the grid.")
    names = [name] if grid.dim == 1 else [f"{name}_{axis}" for axis in grid.names]
    return dict(zip(names, components, strict=True))
