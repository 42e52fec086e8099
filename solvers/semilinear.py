"""The engine of periodic semilinear equations: a linear symbol and a nonlinear term."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from surrogate.solvers.etdrk import ETDRK4
from surrogate.solvers.periodic import Carry, Constants, PeriodicEquation, State
from surrogate.solvers.stability import largest_step


class Semilinear(PeriodicEquation):
    r"""A semilinear equation :math:`u_t = L u + N(u)` on a periodic box, solved by a Fourier-Galerkin method.

    In space the modes with :math:`|k| < n/(d + 1)` on every axis are kept, which rids terms of ``degree`` d of aliasing
    (the 2/3 rule for quadratic terms); in time `ETDRK4` solves the linear part exactly. An equation states its
    `symbol`, its `nonlinear` term and its `dt_max`.

    Parameters
    ----------
    grid, constants, dt, substeps, dtype
        See `PeriodicEquation`.

    Raises
    ------
    InputError
        As `PeriodicEquation`.
    """

    order: ClassVar[float] = 4
    scheme: ClassVar[str] = "ETDRK4"
    degree: ClassVar[int] = 2

    @abstractmethod
    def symbol(self, constants: Constants) -> Tensor:
        """Return the diagonal of L, ``(batch, channel, *modes)``: float64 or complex128, on the host."""

    @abstractmethod
    def nonlinear(self, modes: Tensor, constants: Constants) -> Tensor:
        """Return the modes of N(u), zero where `mask` is zero, from those of u."""

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return what the equation never lets grow, ``(batch, channel)`` by name; `faults` tells where it does."""
        return {}

    def faults(self, initial: State, new: State) -> dict[str, Tensor]:
        """Add growth by more than 1 % of what is `bounded`: the exact solution has none, so the scheme has failed."""
        before, after = self.bounded(initial), self.bounded(new)
        words = "although the equation forbids it: use a smaller dt or more substeps (see dt_max), or a finer grid"
        growth = {f"grows in its {name} {words}": after[name] > 1.01 * before[name] for name in before}
        return super().faults(initial, new) | growth

    def advice(self, initial: State) -> str:
        """Return the limit of the time step beside the one in use, and the points that the initial state needs."""
        limit = self.dt_max(initial.nan_to_num(posinf=0, neginf=0))
        step = f"For the initial state dt_max is {limit:.3g} with substeps={self.substeps}; dt is {self.dt:.3g}."
        return f"{step} {super().advice(initial)}".rstrip()

    def scheme_coefficients(self, constants: Constants, step: float) -> Tensor:
        """Return the coefficients of `ETDRK4`, stacked."""
        return torch.stack(ETDRK4.of(self.symbol(constants), step))

    def advance(self, carry: Carry) -> Tensor:
        """Take one step of `ETDRK4`."""
        scheme = ETDRK4(*carry.coefficients.unbind())

        def right(v: Tensor) -> Tensor:
            term = self.nonlinear(v, carry.constants)
            return term if carry.forcing is None else term + carry.forcing

        return scheme(carry.modes, right)

    def dt_where_stable(self, rates: Tensor) -> float:
        """Return `largest_step` for the constants of the constructor, times the substeps."""
        return self.substeps * largest_step(self.symbol(self.constants.to("cpu", torch.float64)), rates)
