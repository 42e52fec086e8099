"""What happens around the epochs: seeds, the best weights, the state on disk, the log, the progress bar."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint, EarlyStopping
from lightning.pytorch.strategies import ModelParallelStrategy

from surrogate.progress import EpochBar
from surrogate.training.history import Row, write_history
from surrogate.training.sharding import whole
from surrogate.training.shuffle import derived_seed

Trainer = lightning.Trainer
Module = lightning.LightningModule


class SeedSteps(Callback):
    """Seed dropout and other draws before each step, so that a resumed training draws the same."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: Module, batch: Any, batch_idx: int) -> None:
        """Set the seed of this step, another one in each process."""
        torch.manual_seed(derived_seed(self.seed, trainer.global_step * trainer.world_size + trainer.global_rank))


class BestWeights(Callback):
    """Keep the weights with the smallest validation loss, inside the checkpoint: one file holds all."""

    def __init__(self) -> None:
        self.loss = float("inf")
        self.epoch = -1
        self.weights: dict[str, torch.Tensor] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: Module) -> None:
        """Copy the weights if they are the best so far."""
        loss = float(trainer.callback_metrics["validation_loss"])
        if not trainer.sanity_checking and loss < self.loss:
            self.loss, self.epoch = loss, trainer.current_epoch
            state = pl_module.model.state_dict()  # type: ignore[union-attr]
            self.weights = {name: whole(value) for name, value in state.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return what goes into the checkpoint."""
        return {"loss": self.loss, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.loss, self.epoch, self.weights = state_dict["loss"], state_dict["epoch"], state_dict["weights"]


class History(Callback):
    """One row per epoch, in the checkpoint and in ``log.csv``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []
        self._began = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Module) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Module) -> None:
        """Add the row of this epoch."""
        metrics = trainer.callback_metrics
        self.rows.append(
            {
                "epoch": trainer.current_epoch,
                "training_loss": float(metrics["training_loss"]),
                "validation_loss": float(metrics["validation_loss"]),
                "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
                "seconds": round(time.perf_counter() - self._began, 3),
            }
        )
        if trainer.is_global_zero:
            write_history(self.rows, self.path)

    def state_dict(self) -> dict[str, Any]:
        """Return what goes into the checkpoint."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.rows = list(state_dict["rows"])


class SaveState(Checkpoint):
    """Write the whole state of the training at its start and after each epoch (Lightning runs this callback last)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_start(self, trainer: Trainer, pl_module: Module) -> None:
        """Keep the first weights, so that a run killed in its first epoch starts again from the same.

        Not where weights are sharded: gathering the state of an optimizer before its first step makes it take one.
        """
        sharded = isinstance(trainer.strategy, ModelParallelStrategy)
        if trainer.global_step == 0 and not sharded:  # the same in all processes, which save together
            trainer.save_checkpoint(self.path)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Module) -> None:
        """Write the state."""
        trainer.save_checkpoint(self.path)


class Patience(EarlyStopping):
    """Stop after ``epochs`` without improvement; a training that was killed just then stops there again."""

    def __init__(self, epochs: int) -> None:
        super().__init__("validation_loss", patience=epochs, check_finite=False)

    def on_train_start(self, trainer: Trainer, pl_module: Module) -> None:
        """Stop if the checkpoint says so."""
        trainer.should_stop = self.wait_count >= self.patience


class EpochProgress(Callback):
    """A progress bar over epochs with both losses."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def on_train_start(self, trainer: Trainer, pl_module: Module) -> None:
        """Open the bar."""
        if trainer.is_global_zero:
            self._bar = self._stack.enter_context(EpochBar(trainer.max_epochs or 0, trainer.current_epoch))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Module) -> None:
        """Advance it."""
        if trainer.is_global_zero:
            metrics = trainer.callback_metrics
            self._bar.advance(float(metrics["training_loss"]), float(metrics["validation_loss"]))

    def teardown(self, trainer: Trainer, pl_module: Module, stage: str) -> None:
        """Close it, also after an error."""
        self._stack.close()
