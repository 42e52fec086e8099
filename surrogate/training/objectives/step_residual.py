"""How far the frames of a model are from steps of a solver."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.samples.signature import Signature
from surrogate.operator import Operator, Stepper
from surrogate.request import hash_operator
from surrogate.training.objectives.objective import Batch, TrainingObjective
from surrogate.training.objectives.one_step import Loss, compare
from surrogate.training.objectives.relative_l2 import RelativeL2
from surrogate.training.objectives.unrolling import Unrolling, forcing_at
from surrogate.training.solver_match import check_steps, solver_step
from surrogate.training.surrogate import Surrogate


@dataclass(frozen=True)
class StepResidual(TrainingObjective):
    r"""The residual of the equation, discretized as a solver does: :math:`\hat u_{k+1} - S(\hat u_k)`.

    The model makes ``steps`` frames from its own, and each is compared with what the solver S makes of the frame
    before. No target enters, so that frames beyond the data can be asked for, and states without a trajectory. The
    gradient passes through the model and through the solver. The residual of an exact solution is the error of one step
    of the solver: with more substeps it tends to zero at the order of the scheme.

    Parameters
    ----------
    solver
        A differentiable solver of the fields and the ``dt`` of the data on their grid.
    steps
        Number of frames.
    objective
        Of all frames and all steps of the solver, which follow each other on the channel axis.

    Raises
    ------
    InputError
        Fewer steps than 1, no solver from one state to the next; before training: one of other fields, another grid or
        another time step than the data.

    References
    ----------
    Wang, Wang & Perdikaris, arXiv 2103.10974; Li et al., arXiv 2111.03794 (the residual as an objective of operators).
    """

    solver: Operator
    steps: int = 1
    objective: Loss = field(default=RelativeL2())

    def __post_init__(self) -> None:
        if not isinstance(self.solver, Stepper) or self.solver.history != 1 or self.solver.horizon != 1:
            do = "Use SteadyResidual for steady problems."
            raise expected("a solver from one state to the next", type(self.solver).__name__, do)
        if self.steps < 1:
            raise expected("steps of at least 1", self.steps, "Give the number of frames.")

    def __repr__(self) -> str:
        solver = f"{type(self.solver).__name__} {hash_operator(self.solver)}"
        return f"StepResidual({solver}, steps={self.steps}, objective={self.objective!r})"

    def frames(self, signature: Signature) -> int:
        """Return those of one prediction; no more of the data are needed but where there is forcing."""
        check_steps(self._stepper, signature)
        return self.steps if signature.forcing_fields else signature.horizon

    def losses(self, model: Surrogate, batch: Batch, epoch: int | None) -> Tensor:
        """Return the residual of the frames of each sample."""
        assert isinstance(model, Stepper)
        solver = self._stepper.to(model.device)
        unrolling, channels = Unrolling(model, batch), len(model.out_fields)
        new = torch.cat([unrolling.step() for _ in range(0, self.steps, model.horizon)], dim=1)
        frames = torch.split(new[:, : self.steps * channels], channels, dim=1)
        before = [batch["x"][:, -channels:], *frames[:-1]]
        steps = [
            solver_step(solver, model, state, {**batch, "forcing": forcing_at(number, model, batch)}).to(state.dtype)
            for number, state in enumerate(before)
        ]
        return compare(self.objective, torch.cat(frames, dim=1), torch.cat(steps, dim=1), model, batch)

    @property
    def _stepper(self) -> Stepper:
        assert isinstance(self.solver, Stepper)
        return self.solver
