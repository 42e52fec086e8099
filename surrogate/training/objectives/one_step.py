"""The plain objective: one prediction from data."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.operator import Stepper
from surrogate.training.objectives.objective import Batch, Objective, TrainingObjective
from surrogate.training.objectives.per_field import PerField
from surrogate.training.objectives.unrolling import forcing_at
from surrogate.training.surrogate import Surrogate

Loss = Objective | PerField


@dataclass(frozen=True)
class OneStep(TrainingObjective):
    """Compare what the model makes of the inputs with the target."""

    objective: Loss

    def losses(self, model: Surrogate, batch: Batch, epoch: int | None) -> Tensor:
        """Return one loss per sample."""
        prediction = predict(model, batch)
        return compare(self.objective, prediction, batch["y"][:, : prediction.shape[1]], model, batch)


def training_objective(objective: Loss | TrainingObjective) -> TrainingObjective:
    """Return the objective, a plain one as that of one prediction from data."""
    return objective if isinstance(objective, TrainingObjective) else OneStep(objective)


def predict(model: Surrogate, batch: Batch) -> Tensor:
    """Return what the model makes of the inputs of a batch, in one call."""
    static, parameters = batch.get("static"), batch.get("parameters")
    if not isinstance(model, Stepper):
        steady: Tensor = model(batch["x"], static, parameters)
        return steady
    frames: Tensor = model(batch["x"], static, forcing_at(0, model, batch), parameters)
    return frames


def compare(objective: Loss, prediction: Tensor, target: Tensor, model: Surrogate, batch: Batch) -> Tensor:
    """Return one loss per sample, of a prediction on the domain of the batch, at its resolution."""
    domain = model.domain
    where = domain.with_shape(tuple(target.shape[2:])) if isinstance(domain, Grid) else batch["x"][0]
    if getattr(objective, "standardized", False):
        prediction, target = model.standardize(prediction), model.standardize(target)
    if isinstance(objective, PerField):
        return objective.losses(model.out_fields, prediction, target, where)
    return objective(prediction, target, where)
