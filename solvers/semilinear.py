"""The engine of periodic semilinear equations: a linear symbol and a nonlinear term."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grid import Grid
from surrogate.operator import Stepper
from surrogate.solvers.etdrk import ETDRK4
from surrogate.solvers.spectral import energy_bands, require_periodic, retained, to_modes, to_points

State = Float[Tensor, "batch channel *space"]
Constants = Float[Tensor, "rows constant"]


class Carry(NamedTuple):
    """What a rollout carries: Fourier modes, coefficients of the scheme, constants ``(batch or 1, P)``."""

    modes: Tensor
    scheme: ETDRK4
    constants: Tensor


class Semilinear(Stepper):
    r"""A semilinear equation :math:`u_t = L u + N(u)` on a periodic box, solved by a Fourier-Galerkin method.

    In space the modes with :math:`|k| < n/3` on every axis are kept, which rids quadratic terms of aliasing; in time
    `ETDRK4` solves the linear part exactly. A state is projected on these modes when it enters, and stays in Fourier
    space from step to step. An equation states its `symbol`, its `nonlinear` term and its `dt_max`.

    Parameters
    ----------
    grid
        A periodic grid.
    constants
        Value of each of the ``parameter_fields``; ``parameters`` of a call overrides them per sample.
    dt
        Time advanced by one call.
    substeps
        Number of equal steps of the scheme in ``dt``.
    dtype
        ``torch.float64`` for truth, ``torch.float32`` for speed.

    Raises
    ------
    InputError
        A grid that is not periodic, ``dt`` not positive, ``substeps`` below 1, another ``dtype``.
    """

    order: ClassVar[int] = 4
    equation: ClassVar[str]
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
        if substeps < 1 or substeps != int(substeps):
            raise expected("a whole number of substeps, at least 1", substeps, "Divide dt into that many steps.")
        if dtype not in (torch.float32, torch.float64):
            raise expected("dtype torch.float64 or torch.float32", dtype, "Choose one of the two.")
        self.domain, self.dt, self.substeps = grid, float(dt), int(substeps)
        values = torch.tensor([[constants[name] for name in self.parameter_fields]], dtype=torch.float64)
        self.register_buffer("mask", retained(grid.shape).to(dtype), persistent=False)
        self.register_buffer("bands", energy_bands(grid.shape).to(dtype), persistent=False)
        self.register_buffer("constants", values.to(dtype), persistent=False)
        scheme = self._scheme(values).to(self.device, dtype)
        self.register_buffer("coefficients", torch.stack(scheme), persistent=False)
        self.settings = {
            "solver": type(self).__name__,
            **{name: float(constants[name]) for name in self.parameter_fields},
            "scheme": "ETDRK4",
            "order": self.order,
            "dealiasing": "2/3",
            "dt": self.dt,
            "substeps": self.substeps,
            "dtype": str(dtype).removeprefix("torch."),
        }

    @abstractmethod
    def symbol(self, constants: Constants) -> Tensor:
        """Return the diagonal of L, ``(batch, channel, *modes)``: float64 or complex128, on the host.

        Raises `InputError` for constants that make no sense.
        """

    @abstractmethod
    def nonlinear(self, modes: Tensor, constants: Constants) -> Tensor:
        """Return the modes of N(u), zero where `mask` is zero, from those of u."""

    @abstractmethod
    def dt_max(self, state: State) -> float:
        """Return the largest ``dt`` that is stable with these substeps for states like this one (advice)."""

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the integrals that the equation conserves, for each sample."""
        return {}

    def forward(
        self,
        state: State,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Constants | None = None,
    ) -> State:
        """Return the state after ``dt``."""
        return self.step(self.init(state, static, parameters), forcing)[1]

    def init(self, state: State, static: Tensor | None = None, parameters: Constants | None = None) -> Carry:
        """Transform the state to Fourier space; compute coefficients for each sample where ``parameters`` differ."""
        self._check_state(state)
        modes = to_modes(state.to(self.dtype), self.domain.dim) * self.mask
        if parameters is None:
            return Carry(modes, ETDRK4(*self.coefficients.unbind()), self.constants)
        if parameters.shape != (len(state), len(self.parameter_fields)):
            do = f"Give one row for each sample, with columns {self.parameter_fields}."
            raise expected(f"parameters of shape {(len(state), len(self.parameter_fields))}", parameters.shape, do)
        if torch.equal(parameters, parameters[:1].expand_as(parameters)):
            parameters = parameters[:1]
        scheme = self._scheme(parameters.to("cpu", torch.float64)).to(self.device, self.dtype)
        return Carry(modes, scheme, parameters.to(self.device, self.dtype))

    def step(self, carry: Carry, forcing: Tensor | None = None) -> tuple[Carry, State]:
        """Advance by ``dt`` in Fourier space; return the new carry and the new state."""
        modes = carry.modes
        for _ in range(self.substeps):
            modes = carry.scheme(modes, lambda v: self.nonlinear(v, carry.constants))
        return carry._replace(modes=modes), to_points(modes, self.domain.shape)

    def check_domain(self, domain: Grid) -> None:
        """Raise `InputError` unless ``domain`` has the points of this solver's grid, up to a translation."""
        own, other = ((grid.shape, grid.is_periodic, grid.is_uniform) for grid in (self.domain, domain))
        if own != other or not all(
            abs(a / b - 1) < 1e-6 for a, b in zip(domain.lengths, self.domain.lengths, strict=True)
        ):
            raise expected(f"fields on {self.domain}", domain, "Resample them, or make the solver on their grid.")

    def faults(self, initial: State, new: State) -> dict[str, Tensor]:
        """Add to the faults of any stepper a spectrum that has not decayed at the last modes.

        The last third of the modes may hold the share ``max_tail`` of the energy of the fluctuations, and round-off of
        the initial state. For Burgers shocks out of Gaussian random fields, viscosities from 3e-4 to 0.1 and 8 to 512
        points, a share of 1 % goes with a relative L2 error of 7 % (3 % to 12 % for nine states in ten).
        """
        energy = to_modes(new, self.domain.dim).abs().square().flatten(2)
        tail, fluctuations = (energy @ self.bands.flatten(1).to(energy).T).unbind(-1)
        noise = (10 * torch.finfo(new.dtype).eps) ** 2 * initial.square().flatten(2).mean(-1)
        words = "is not resolved by the grid (energy in the last modes): use a finer grid or a smaller dt"
        return super().faults(initial, new) | {words: tail > self.max_tail * fluctuations + noise}

    def _scheme(self, constants: Constants) -> ETDRK4:
        return ETDRK4.of(self.symbol(constants), self.dt / self.substeps)

    def _check_state(self, state: Tensor) -> None:
        shape = (len(self.in_fields), *self.domain.shape)
        if state.shape[1:] != shape:
            raise expected(
                f"a state of shape (batch, {', '.join(map(str, shape))})", tuple(state.shape), "Resample it."
            )
