"""AdamW with a one-cycle learning rate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.nn import Parameter

from surrogate.datasets.errors import expected


@dataclass(frozen=True)
class OneCycleAdamW:
    """AdamW whose learning rate rises to its maximum and falls to almost zero over the whole training.

    Parameters
    ----------
    learning_rate
        Its maximum.
    weight_decay
        Decoupled weight decay.
    warmup
        Share of the steps in which the rate rises (two steps at least).
    gradient_clip
        Largest norm of the gradient.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: float = 0.2
    gradient_clip: float = 1.0

    def __post_init__(self) -> None:
        if not self.learning_rate > 0 or not self.gradient_clip > 0 or self.weight_decay < 0:
            raise expected("positive learning_rate and gradient_clip, weight_decay >= 0", self, "Correct them.")
        if not 0 < self.warmup < 1:
            raise expected("a warmup between 0 and 1", self.warmup, "Give the share of steps.")

    def build(
        self, parameters: Iterable[Parameter], steps: int
    ) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """Return optimizer and schedule for a training of ``steps`` steps."""
        optimizer = torch.optim.AdamW(parameters, lr=self.learning_rate, weight_decay=self.weight_decay)
        total = max(steps, 3)  # with fewer it divides by zero
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=self.learning_rate, total_steps=total, pct_start=max(self.warmup, 2 / total)
        )
        return optimizer, schedule
