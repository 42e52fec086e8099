"""The run of Lightning on one folder."""

from __future__ import annotations

import logging
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.utilities.seed import isolate_rng

from surrogate.datasets.errors import NumericalFailure, expected
from surrogate.training.averaging import EMA, Averaging
from surrogate.training.callbacks import BestWeights, EpochProgress, History, SaveState, SeedSteps
from surrogate.training.checkpoint import WholeCheckpoints
from surrogate.training.history import plot_history
from surrogate.training.loaders import Loaders
from surrogate.training.module import TrainingModule
from surrogate.training.self_check import Report, self_check
from surrogate.training.sharding import ShardedModule

STATE, LOG, PLOT = "last.ckpt", "log.csv", "loss.png"
FIXED = {
    "num_sanity_val_steps": 0,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "use_distributed_sampler": False,  # ours share the samples themselves
}
OWN_OPTIONS = {"max_epochs", "devices", "precision", "logger", "callbacks", "plugins", "default_root_dir"}


class Engine:
    """The trainer of one folder with our callbacks, and what comes out.

    Parameters
    ----------
    folder
        Where state, log and plot lie; a state that is there is taken up.
    seed
        Of the draws in each step.
    averaging
        Of the weights; None for none.
    callbacks, options
        Further callbacks and arguments of ``lightning.Trainer``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        averaging: EMA | None,
        callbacks: Sequence[lightning.Callback],
        options: Mapping[str, Any],
    ) -> None:
        self.folder, self.state = folder, folder / STATE
        self.best, self.history = BestWeights(), History(folder / LOG)
        own = [SeedSteps(seed), self.best, self.history, EpochProgress(), SaveState(self.state)]
        if averaging is not None:
            own.insert(2, Averaging(averaging))  # the best weights are taken before it puts the others back
        if getattr(options.get("strategy"), "_save_distributed_checkpoint", False):
            do = "Give the strategy save_distributed_checkpoint=False."
            raise expected("a state in one file", "save_distributed_checkpoint=True", do)
        with quiet():
            self.trainer = lightning.Trainer(
                callbacks=[*own, *callbacks],
                default_root_dir=folder,
                plugins=[WholeCheckpoints()],
                **{**FIXED, **options},
            )

    @property
    def processes(self) -> int:
        """How many processes train together."""
        return self.trainer.world_size

    @property
    def shards(self) -> bool:
        """Whether each process keeps only a part of the weights."""
        return isinstance(self.trainer.strategy, ModelParallelStrategy)

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.trainer.is_global_zero

    @property
    def device(self) -> torch.device:
        """Where this process trains."""
        return self.trainer.strategy.root_device

    def check(self, module: TrainingModule, loaders: Loaders, epochs: int) -> Report:
        """Return what a look at the network says before it is trained: see `self_check`."""
        if not self.is_first:
            return {"skipped": "done by the first process"}
        samples, fresh = loaders[0].dataset, not self.state.exists()
        return self_check(module, samples, epochs=epochs, device=self.device, folder=self.folder, fresh=fresh)

    def fit(self, module: TrainingModule, loaders: Loaders) -> dict[str, Any]:
        """Train; leave the best weights in ``module.model``; return what came out."""
        began = time.perf_counter()
        trained = ShardedModule(module) if self.shards else module
        with quiet(), isolate_rng(), interruptible():
            self.trainer.fit(trained, *loaders, ckpt_path=self.state if self.state.exists() else None)
        if not self.best.weights:
            raise NumericalFailure("Training stopped: the validation loss was finite in no epoch. Check the data.")
        module.model.load_state_dict(self.best.weights)
        return {
            "epochs_done": len(self.history.rows),
            "best_epoch": self.best.epoch,
            "validation_loss": self.best.loss,
            "training_seconds": round(sum(row["seconds"] for row in self.history.rows), 3),
            "last_session_seconds": round(time.perf_counter() - began, 3),
        }

    def plot(self) -> None:
        """Draw the losses."""
        plot_history(self.history.rows, self.folder / PLOT)


def check_options(trainer: Mapping[str, Any]) -> None:
    """Raise `InputError` where arguments for Lightning's trainer are those of `fit`."""
    own = sorted(OWN_OPTIONS & trainer.keys())
    if own:
        raise expected("further arguments of lightning.Trainer in `trainer`", own, "Use the arguments of `fit`.")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what Lightning says about things that are so on purpose (data in memory need no workers)."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not empty.*")
            warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
            yield
    finally:
        log.setLevel(level)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise what Ctrl-C means: Lightning ends the program instead, and is deaf to a second one from then on."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)
