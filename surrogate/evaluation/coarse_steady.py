"""A steady solver on a coarser grid, presented on the grid of the truth."""

from __future__ import annotations

from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.transfer.grid_maps import resampling
from surrogate.operator import Operator


class CoarseSteady(Operator):
    """A solver on another grid of the same box, with interpolation in and out.

    On cells the inputs are averaged over the cells of the solver, at nodes interpolated; solutions are interpolated.
    Both are of second order.

    Parameters
    ----------
    solver
        A solver for steady fields on a grid.
    domain
        The grid on which fields enter and leave.

    Raises
    ------
    InputError
        Another box, or grids of nodes and cells.
    """

    def __init__(self, solver: Operator, domain: Grid) -> None:
        super().__init__()
        own: Grid = solver.domain
        if own.extent != domain.extent or own.location != domain.location:
            raise expected(f"a solver on the box of {domain}", own, "Make it with domain.with_shape(...).")
        self.solver, self.domain = solver, domain
        self.in_fields, self.out_fields = solver.in_fields, solver.out_fields
        self.static_fields, self.parameter_fields = solver.static_fields, solver.parameter_fields
        self.attributes = solver.attributes
        self.settings = {**solver.settings, "grid": list(own.shape), "interpolation": "linear"}
        method = "conservative" if own.location == "cell" else "linear"
        self._inward = resampling(domain, own, method=method, dtype=solver.dtype)
        self._outward = resampling(own, domain, dtype=solver.dtype)

    def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        """Return the solution on the grid of the truth."""
        coarse = None if static is None else self._inward(static)
        solution: Tensor = self._outward(self.solver(self._inward(x), coarse, parameters))
        return solution

    def check_domain(self, domain: Grid) -> None:
        """Raise `InputError` unless ``domain`` has the points of the outer grid."""
        if domain.shape != self.domain.shape:
            raise expected(f"fields on {self.domain}", domain, "Make `CoarseSteady` for the grid of the fields.")
