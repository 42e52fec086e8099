"""What equations on periodic boxes share: their state as Fourier modes, their checks, the carry of a rollout."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.operator import Stepper
from surrogate.solvers.resolution import needed_points, warn_unresolved
from surrogate.solvers.spectral import energy_bands, require_periodic, retained, to_modes, to_points

State = Float[Tensor, "batch channel *space"]
Constants = Float[Tensor, "rows constant"]


class Carry(NamedTuple):
    """What a rollout carries: Fourier modes, coefficients of the scheme, factors of the nonlinear term, steady forcing.

    ``divided`` returns the coefficients for a number of substeps; the factors are the constants ``(batch or 1, P)``, or
    what an equation makes of them once; the forcing holds the modes of what is added to the nonlinear term, if any.
    """

    modes: Tensor
    coefficients: tuple[Tensor, ...]
    factors: Tensor
    divided: Callable[[int], tuple[Tensor, ...]]
    forcing: Tensor | None = None


class PeriodicEquation(Stepper):
    """An evolution equation on a periodic box whose state is a set of Fourier modes.

    A state is projected on the modes with :math:`|k| < n/(d + 1)` on every axis when it enters, d being the ``degree``
    of the equation as a polynomial in the state, and stays in Fourier space from step to step.

    Parameters
    ----------
    grid
        A periodic grid.
    constants
        Value of each of the ``parameter_fields``, in order; ``parameters`` of a call overrides them per sample.
    dt
        Time advanced by one call.
    substeps
        Number of equal steps of the scheme in ``dt``.
    dtype
        ``torch.float64`` for truth, ``torch.float32`` for speed.

    Raises
    ------
    InputError
        A grid that is not periodic, ``dt`` not positive, ``substeps`` below 1, another ``dtype``, constants that are
        not finite, or not positive or negative where the equation needs that (``positive_fields``,
        ``nonnegative_fields``).
    """

    order: float
    scheme: str
    degree: ClassVar[int]
    equation: ClassVar[str]
    positive_fields: ClassVar[tuple[str, ...]] = ()
    nonnegative_fields: ClassVar[tuple[str, ...]] = ()
    max_tail: ClassVar[float] = 0.01

    mask: Tensor
    bands: Tensor
    constants: Tensor
    coefficients: Tensor

    def __init__(
        self, grid: Grid, constants: Mapping[str, float], *, dt: float, substeps: int, dtype: torch.dtype
    ) -> None:
        super().__init__()
        require_periodic(grid)
        if not 0 < dt < float("inf"):
            raise expected("a positive time step dt", dt, "Choose the time between two frames.")
        if not isinstance(substeps, int | float) or substeps < 1 or substeps != int(substeps):
            raise expected("a whole number of substeps, at least 1", substeps, "Divide dt into that many steps.")
        if dtype not in (torch.float32, torch.float64):
            raise expected("dtype torch.float64 or torch.float32", dtype, "Choose one of the two.")
        self.parameter_fields = tuple(constants)
        self.domain, self.dt, self.substeps = grid, float(dt), int(substeps)
        self.given = values = torch.tensor([list(constants.values())], dtype=torch.float64)
        self.register_buffer("mask", retained(grid.shape, self.degree).to(dtype), persistent=False)
        self.register_buffer("bands", energy_bands(grid.shape, self.degree).to(dtype), persistent=False)
        self.register_buffer("constants", values.to(dtype), persistent=False)
        self.register_buffer("coefficients", self._cast(self._coefficients(values, self.substeps)), persistent=False)
        self.settings = {
            "solver": type(self).__name__,
            **{name: float(value) for name, value in constants.items()},
            "scheme": self.scheme,
            "order": str(self.order) if self.order == float("inf") else self.order,
            "dealiasing": str(Fraction(2, self.degree + 1)),
            "dt": self.dt,
            "substeps": self.substeps,
            "dtype": str(dtype).removeprefix("torch."),
        }

    @abstractmethod
    def scheme_coefficients(self, constants: Constants, step: float) -> Tensor:
        """Return what `advance` needs for steps of that length, stacked, with a row for each row of the constants.

        Computed in float64 or complex128 on the host.
        """

    @abstractmethod
    def advance(self, carry: Carry) -> Tensor:
        """Return the modes one step of the scheme later."""

    @abstractmethod
    def dt_max(self, state: State) -> float:
        """Return the largest ``dt`` that is stable with these substeps for states like this one (advice)."""

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the integrals that the equation conserves whatever its constants, for each sample."""
        return {}

    def spread(self, constants: Constants) -> tuple[Tensor, ...]:
        """Return each of the constants in a shape ``(rows, 1, *space)`` that multiplies states or modes."""
        return constants.T.reshape(-1, len(constants), 1, *[1] * self.domain.dim).unbind()

    def encode(self, fields: State) -> Tensor:
        """Return the Fourier modes of fields; an equation may mix the channels so that its linear part is diagonal."""
        return to_modes(fields, self.domain.dim, self.degree)

    def decode(self, modes: Tensor) -> State:
        """Return the fields that have these modes."""
        return to_points(modes, self.domain.shape)

    def init(self, state: State, static: Tensor | None = None, parameters: Constants | None = None) -> Carry:
        """Transform the state to Fourier space; compute coefficients for each sample where ``parameters`` differ."""
        self._check_state(state)
        modes = self.encode(state.to(self.dtype)) * self.mask
        if parameters is None:
            return Carry(modes, self.coefficients.unbind(), self.constants, self._divided(self.given))
        if parameters.shape != (len(state), len(self.parameter_fields)):
            do = f"Give one row for each sample, with columns {self.parameter_fields}."
            raise expected(f"parameters of shape {(len(state), len(self.parameter_fields))}", parameters.shape, do)
        if torch.equal(parameters, parameters[:1].expand_as(parameters)):
            parameters = parameters[:1]
        divided = self._divided(parameters.to("cpu", torch.float64))
        return Carry(modes, divided(self.substeps), parameters.to(self.device, self.dtype), divided)

    def step(self, carry: Carry, forcing: Tensor | None = None) -> tuple[Carry, State]:
        """Advance by ``dt`` in Fourier space; return the new carry and the new state."""
        carry, substeps = self.plan(carry)
        for _ in range(substeps):
            carry = carry._replace(modes=self.advance(carry))
        return carry, self.decode(carry.modes)

    def plan(self, carry: Carry) -> tuple[Carry, int]:
        """Return the number of substeps to the next frame, and the carry with the coefficients for them."""
        return carry, self.substeps

    def check_domain(self, domain: Grid) -> None:
        """Raise `InputError` unless ``domain`` has the points of this solver's grid, up to a translation."""
        own, other = ((grid.shape, grid.is_periodic, grid.is_uniform) for grid in (self.domain, domain))
        if own != other or not all(
            abs(a / b - 1) < 1e-6 for a, b in zip(domain.lengths, self.domain.lengths, strict=True)
        ):
            raise expected(f"fields on {self.domain}", domain, "Resample them, or make the solver on their grid.")

    def check_initial(self, state: Tensor) -> None:
        """Warn of states that are not periodic, or that the grid does not resolve, with the points that would do."""
        warn_unresolved(state, self.domain, self.in_fields, degree=self.degree, max_tail=self.max_tail)

    def advice(self, initial: State) -> str:
        """Return how many points the initial state needs, if it has energy in the last modes."""
        return needed_points(initial, self.domain, degree=self.degree, max_tail=self.max_tail)

    def faults(self, initial: State, new: State) -> dict[str, Tensor]:
        """Add to the faults of any stepper a spectrum that has not decayed at the last modes.

        The last third of the modes may hold the share ``max_tail`` of the energy of the fluctuations, and round-off of
        the initial state. For Burgers shocks out of Gaussian random fields, viscosities from 3e-4 to 0.1 and 8 to 512
        points, a share of 1 % goes with a relative L2 error of 7 % (3 % to 12 % for nine states in ten).
        """
        energy = to_modes(new, self.domain.dim, self.degree).abs().square().flatten(2)
        tail, fluctuations = (energy @ self.bands.flatten(1).to(energy).T).unbind(-1)
        noise = (10 * torch.finfo(new.dtype).eps) ** 2 * initial.square().flatten(2).mean(-1).amax(1, keepdim=True)
        words = "is not resolved by the grid (energy in the last modes): use a finer grid or a smaller dt"
        return super().faults(initial, new) | {words: tail > self.max_tail * fluctuations + noise}

    def _coefficients(self, constants: Tensor, substeps: int) -> Tensor:
        for name, values in zip(self.parameter_fields, constants.T, strict=True):
            positive, nonnegative = name in self.positive_fields, name in self.nonnegative_fields
            sign = "positive" if positive else "finite, not negative" if nonnegative else "finite"
            allowed = (values > 0) | (not positive) & ((values >= 0) | (not nonnegative))
            if not bool((values.isfinite() & allowed).all()):
                raise expected(f"a {sign} {name}", values.tolist(), f"Correct {name}.")
        return self.scheme_coefficients(constants, self.dt / substeps)

    def _divided(self, constants: Tensor) -> Callable[[int], tuple[Tensor, ...]]:
        return cache(lambda substeps: self._cast(self._coefficients(constants, substeps)).unbind())

    def _cast(self, coefficients: Tensor) -> Tensor:
        dtype = self.constants.dtype
        return coefficients.to(self.device, dtype.to_complex() if coefficients.is_complex() else dtype)

    def _check_state(self, state: Tensor) -> None:
        shape = (len(self.in_fields), *self.domain.shape)
        if state.shape[1:] != shape:
            raise expected(
                f"a state of shape (batch, {', '.join(map(str, shape))})", tuple(state.shape), "Resample it."
            )
        if state.device != self.device:
            raise expected(f"a state on {self.device}, where the solver is", state.device, "Move one of them: `.to()`.")
