"""How far a steady prediction is from solving the equations of a solver."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.signature import Signature
from surrogate.operator import Operator, matching_channels
from surrogate.request import hash_operator
from surrogate.solvers.darcy import Darcy
from surrogate.training.objectives.objective import Batch, TrainingObjective
from surrogate.training.objectives.one_step import predict
from surrogate.training.surrogate import Surrogate


@dataclass(frozen=True)
class SteadyResidual(TrainingObjective):
    r"""The residual of the discrete equations of a steady solver, :math:`\lVert b - A \hat p \rVert / \lVert b \rVert`.

    No target enters. For `surrogate.solvers.Darcy` it is that of its finite volumes, in a norm in which it is an error
    of the gradient: see `Darcy.residual`. The solution of the solver itself has a residual of its tolerance.

    Parameters
    ----------
    solver
        A steady solver on the grid of the data.

    Raises
    ------
    InputError
        A solver without a residual; before training: data that are stepped in time, other fields or another grid than
        those of the solver.

    References
    ----------
    Li et al., arXiv 2111.03794 (the residual of Darcy flow as an objective).
    """

    solver: Operator

    def __post_init__(self) -> None:
        if not isinstance(self.solver, Darcy):
            do = "Use StepResidual for solvers that step in time."
            raise expected("a steady solver with a residual (Darcy)", type(self.solver).__name__, do)

    def __repr__(self) -> str:
        return f"SteadyResidual({type(self.solver).__name__} {hash_operator(self.solver)})"

    def frames(self, signature: Signature) -> int:
        """Return 1: the prediction is steady."""
        wanted = (*self.solver.in_fields, *self.solver.static_fields)
        if signature.dt is not None or signature.out_fields != self.solver.out_fields:
            got = f"{list(signature.out_fields)}" + (" that are stepped in time" if signature.dt is not None else "")
            raise expected(f"steady data of {list(self.solver.out_fields)}", got, "Use another solver.")
        if not set(wanted) <= set(signature.in_fields):
            do = "Add them to the inputs, or use another solver."
            raise expected(f"data with the inputs {list(wanted)}", list(signature.in_fields), do)
        if not isinstance(signature.domain, Grid):
            raise expected("fields on a grid", "others", "Use another objective.")
        self.solver.check_domain(signature.domain)
        return 1

    def losses(self, model: Surrogate, batch: Batch, epoch: int | None) -> Tensor:
        """Return the residual of the prediction of each sample."""
        solver, x = self.solver.to(model.device), batch["x"]
        entering, static, parameters = (
            matching_channels(given, names, wanted)
            for given, names, wanted in (
                (x, model.in_fields, solver.in_fields),
                (x, model.in_fields, solver.static_fields),
                (batch.get("parameters"), model.parameter_fields, solver.parameter_fields),
            )
        )
        prediction = predict(model, batch)
        assert entering is not None
        assert isinstance(solver, Darcy)
        return solver.residual(prediction, entering, static, parameters).to(prediction.dtype)
