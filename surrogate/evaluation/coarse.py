"""A solver on a grid of its own, presented on the grid of the truth."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.operator import Stepper
from surrogate.solvers.spectral import require_periodic


class Coarse(Stepper):
    """A solver on a coarser (or finer) grid with spectral interpolation in and out.

    Only the given state is resampled on its way in: from step to step the solver carries its own state.

    Parameters
    ----------
    solver
        Any solver on a periodic grid.
    domain
        The periodic grid on which states enter and leave; the same box.

    Raises
    ------
    InputError
        A grid that is not periodic, or another box.
    """

    def __init__(self, solver: Stepper, domain: Grid) -> None:
        super().__init__()
        for grid in (solver.domain, domain):
            require_periodic(grid)
        if solver.domain.lengths != domain.lengths or solver.domain.location != domain.location:
            raise expected(f"a solver on the box of {domain}", solver.domain, "Make it with domain.with_shape(...).")
        self.solver, self.domain = solver, domain
        self.in_fields, self.out_fields = solver.in_fields, solver.out_fields
        self.static_fields, self.forcing_fields = solver.static_fields, solver.forcing_fields
        self.parameter_fields, self.attributes = solver.parameter_fields, solver.attributes
        self.dt, self.history, self.horizon = solver.dt, solver.history, solver.horizon
        self.settings = {**solver.settings, "grid": list(solver.domain.shape), "interpolation": "spectral"}

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Any:
        """Bring the state to the grid of the solver."""
        return self.solver.init(self._inward(state), None if static is None else self._inward(static), parameters)

    def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
        """Advance on the grid of the solver; return its carry and the new frames on the grid of the truth."""
        carry, new = self.solver.step(carry, None if forcing is None else self._inward(forcing))
        return carry, at_points(new, self.domain)

    def check_domain(self, domain: Grid) -> None:
        """Raise `InputError` unless ``domain`` has the points of the outer grid."""
        if domain.shape != self.domain.shape:
            raise expected(f"fields on {self.domain}", domain, "Make `Coarse` for the grid of the fields.")

    def _inward(self, values: Tensor) -> Tensor:
        return resample_periodic(values, self.solver.domain.shape, self.domain.location)


def at_points(frames: Float[Tensor, "batch channel *space"], grid: Grid) -> Float[Tensor, "batch channel *new"]:
    """Return the values of the trigonometric interpolant of ``frames`` at the points of ``grid``.

    Where the points of ``grid`` are among those of the frames they are picked out: nothing is filtered.
    """
    old = tuple(frames.shape[2:])
    if grid.location == "cell" or any(n % m for n, m in zip(old, grid.shape, strict=True)):
        return resample_periodic(frames, grid.shape, grid.location)
    for axis, (n, m) in enumerate(zip(old, grid.shape, strict=True), start=2):
        frames = frames.movedim(axis, 0)[:: n // m].movedim(0, axis)
    return frames
