"""The engine of periodic semilinear equations: a linear symbol and a nonlinear term."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Carry, Constants, PeriodicEquation, State
from surrogate.solvers.schemes import ORDERS, Scheme, SchemeName, scheme_named
from surrogate.solvers.stability import largest_step

Substeps = int | Literal["adaptive"]

_SAFETY = 0.5
_MOST = 2**14  # a state that asks for more has blown up, and `faults` will tell


class Semilinear(PeriodicEquation):
    r"""A semilinear equation :math:`u_t = L u + N(u)` on a periodic box, solved by a Fourier-Galerkin method.

    In space the modes with :math:`|k| < n/(d + 1)` on every axis are kept, which rids terms of ``degree`` d of aliasing
    (the 2/3 rule for quadratic terms); in time the scheme solves the linear part exactly. An equation states its
    `symbol`, its `nonlinear` term and its `dt_max`.

    Parameters
    ----------
    grid, constants, dt, dtype
        See `PeriodicEquation`.
    substeps
        Number of equal steps of the scheme in ``dt``, or ``"adaptive"``: for each frame a power of two, such that the
        steps are at most half of what `dt_max` allows for the present states. The last of them ends at the frame, and
        coefficients are kept for every number that occurs. On a GPU it waits once for each frame.
    scheme
        ``"ETDRK4"``, or `ETDRK3`, `ETDRK2`, `ETDRK1`, named by their order in time. At equal error the fourth-order
        scheme costs least, but for errors near 1 %.

    Raises
    ------
    InputError
        Another scheme, and as `PeriodicEquation`.
    """

    scheme: SchemeName
    scheme_class: type[Scheme]
    degree: ClassVar[int] = 2

    def __init__(
        self,
        grid: Grid,
        constants: Mapping[str, float],
        *,
        dt: float,
        substeps: Substeps,
        dtype: torch.dtype,
        scheme: SchemeName = "ETDRK4",
    ) -> None:
        self.scheme, self.scheme_class, self.order = scheme, scheme_named(scheme), ORDERS[scheme]
        self.adaptive = substeps == "adaptive"
        super().__init__(grid, constants, dt=dt, substeps=1 if substeps == "adaptive" else substeps, dtype=dtype)
        self.settings = {**self.settings, "substeps": substeps}

    @abstractmethod
    def symbol(self, constants: Constants) -> Tensor:
        """Return the diagonal of L, ``(batch, channel, *modes)``: float64 or complex128, on the host."""

    @abstractmethod
    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        """Return the modes of N(u) from those of u and the `factors`; those where `mask` is zero are left out."""

    def factors(self, constants: Constants) -> Tensor:
        """Return what `nonlinear` takes beside the modes, once for a rollout: the constants, or a product with them."""
        return constants

    def init(self, state: State, static: Tensor | None = None, parameters: Constants | None = None) -> Carry:
        """Transform the state to Fourier space; compute coefficients and factors for its parameters."""
        carry = super().init(state, static, parameters)
        return carry._replace(factors=self.factors(carry.factors))

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
        count = self.settings["substeps"]
        step = f"For the initial state dt_max is {limit:.3g} with substeps={count}; dt is {self.dt:.3g}."
        return f"{step} {super().advice(initial)}".rstrip()

    def plan(self, carry: Carry) -> tuple[Carry, int]:
        """Return the number of substeps to the next frame, and the carry with the coefficients for them."""
        if not self.adaptive:
            return super().plan(carry)
        with torch.no_grad():
            limit = self.dt_max(self.decode(carry.modes))
        substeps = _power_of_two(self.dt / (_SAFETY * limit))
        return carry._replace(coefficients=carry.divided(substeps)), substeps

    def scheme_coefficients(self, constants: Constants, step: float) -> Tensor:
        """Return the coefficients of the scheme, stacked; real ones twice, for real and imaginary parts of modes."""
        coefficients = torch.stack(tuple(self.scheme_class.of(self.symbol(constants), step))) * self.mask.to("cpu")
        return coefficients if coefficients.is_complex() else torch.stack([coefficients, coefficients], dim=-1)

    def advance(self, carry: Carry) -> Tensor:
        """Take one step of the scheme; where its coefficients are real, on real and imaginary parts of the modes."""
        scheme = self.scheme_class(*carry.coefficients)
        if carry.coefficients[0].is_complex():
            return scheme(carry.modes, partial(self._term, carry))
        return torch.view_as_complex(scheme(torch.view_as_real(carry.modes), partial(self._term_of_parts, carry)))

    def dt_where_stable(self, rates: Tensor) -> float:
        """Return `largest_step` for the constants of the constructor, times the substeps."""
        symbol = self.symbol(self.constants.to("cpu", torch.float64))
        return self.substeps * largest_step(symbol, rates, self.scheme_class)

    def _term(self, carry: Carry, modes: Tensor) -> Tensor:
        term = self.nonlinear(modes, carry.factors)
        return term if carry.forcing is None else term + carry.forcing

    def _term_of_parts(self, carry: Carry, parts: Tensor) -> Tensor:
        return torch.view_as_real(self._term(carry, torch.view_as_complex(parts)))


def _power_of_two(ratio: float) -> int:
    """Return the least power of two that is not below ``ratio``, between 1 and the most allowed."""
    return 1 if not 1 < ratio < math.inf else min(_MOST, 2 ** math.ceil(math.log2(ratio)))
