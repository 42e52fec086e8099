"""The training step, for Lightning."""

from __future__ import annotations

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from surrogate.datasets.errors import NumericalFailure
from surrogate.training.objectives.objective import Batch, TrainingObjective
from surrogate.training.objectives.one_step import Loss, predict, training_objective
from surrogate.training.optimizer import OneCycleAdamW
from surrogate.training.surrogate import Surrogate


class TrainingModule(lightning.LightningModule):
    r"""Minimize :math:`\frac1B \sum_b L_b(\text{surrogate})` in physical units: see `surrogate.training.objectives`."""

    _first_bad_step: Tensor

    def __init__(self, model: Surrogate, objective: Loss | TrainingObjective, optimizer: OneCycleAdamW) -> None:
        super().__init__()
        self.model = model
        self.objective = training_objective(objective)
        self.recipe = optimizer
        self.register_buffer("_first_bad_step", torch.tensor(-1))

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of a batch; remember the first step at which it was not finite, without a synchronization."""
        losses = self.losses(batch)
        loss = losses.mean()
        bad = ~torch.isfinite(loss.detach()) & (self._first_bad_step < 0)
        self._first_bad_step = torch.where(bad, self.global_step, self._first_bad_step)
        self.log("training_loss", loss, on_step=False, on_epoch=True, batch_size=len(losses), sync_dist=True)
        return loss

    def validation_step(self, batch: Batch, index: int) -> None:
        """Log the mean over samples."""
        losses = self.losses(batch, validating=True)
        weight = len(losses) * self.trainer.world_size  # Lightning divides it by that, and drops the remainder
        self.log("validation_loss", losses.mean(), on_epoch=True, batch_size=weight, sync_dist=True)

    def on_train_epoch_end(self) -> None:
        """Stop if the loss was not finite."""
        step = int(self._first_bad_step)
        if step >= 0:
            do = "Lower the learning rate, or look for outliers in the data."
            raise NumericalFailure(f"Training stopped: the loss is not finite at step {step}. {do}")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimizer and a schedule that is stepped with it."""
        steps = int(self.trainer.estimated_stepping_batches)
        optimizer, schedule = self.recipe.build(self.model.parameters(), steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def losses(self, batch: Batch, *, validating: bool = False) -> Tensor:
        """Return one loss per sample, that of the present epoch or that of validation data."""
        return self.objective.losses(self.model, batch, None if validating else self.current_epoch)

    def predict(self, batch: Batch) -> Tensor:
        """Return what the model makes of the inputs of a batch, in one call."""
        return predict(self.model, batch)
