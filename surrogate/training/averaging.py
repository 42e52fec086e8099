"""Averages of the weights over the steps of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.training.sharding import shared_as, whole

Trainer = lightning.Trainer
Module = lightning.LightningModule


@dataclass(frozen=True)
class EMA:
    r"""Exponential moving average of the weights: validation and the trained surrogate use it instead of the last ones.

    .. math:: \bar\theta_t = \frac{1 - \beta}{1 - \beta^t} \sum_{i=1}^t \beta^{t-i}\, \theta_i

    The factor before the sum, as in Adam, makes the weights of the average sum to one: the random start has no part.
    Buffers, such as those of a batch normalization, are those of the last step.

    Parameters
    ----------
    decay
        :math:`\beta`; the average spans about :math:`1 / (1 - \beta)` steps. Good values: 0.99 to 0.9999.
    """

    decay: float = 0.999

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise expected("a decay between 0 and 1", self.decay, "Give a number a little below 1, such as 0.999.")

    def share(self, step: int) -> float:
        """Return the part that the weights after ``step`` steps have in the new average."""
        return (1 - self.decay) / (1 - self.decay**step)


class Averaging(Callback):
    """Follow the weights step by step, and put their average in their place while they are validated."""

    def __init__(self, ema: EMA) -> None:
        self.ema = ema
        self.steps = 0
        self.average: dict[str, Tensor] = {}

    def on_train_batch_end(self, trainer: Trainer, pl_module: Module, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Take in the weights if the optimizer made a step."""
        if trainer.global_step > self.steps:
            self.steps = trainer.global_step
            self._follow(_weights(pl_module), self.ema.share(self.steps))

    def on_validation_start(self, trainer: Trainer, pl_module: Module) -> None:
        """Put the average in the place of the weights."""
        self._exchange(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: Module) -> None:
        """Put the weights back."""
        self._exchange(pl_module)

    def state_dict(self) -> dict[str, Any]:
        """Return what goes into the checkpoint."""
        return {"steps": self.steps, "average": {name: whole(value) for name, value in self.average.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.steps, self.average = state_dict["steps"], dict(state_dict["average"])

    @torch.no_grad()
    def _follow(self, weights: Mapping[str, nn.Parameter], share: float) -> None:
        for name, weight in weights.items():
            if self.steps == 1:
                self.average[name] = weight.detach().clone()
            else:
                self._on_device(name, weight).lerp_(weight, share)

    @torch.no_grad()
    def _exchange(self, module: Module) -> None:
        for name, weight in _weights(module).items() if self.average else ():
            average = self._on_device(name, weight)
            kept = weight.detach().clone()
            weight.copy_(average)
            average.copy_(kept)

    def _on_device(self, name: str, weight: Tensor) -> Tensor:
        """Return the average of a weight where the weight is; one from a checkpoint comes whole, on the host."""
        self.average[name] = shared_as(weight, self.average[name])
        return self.average[name]


def _weights(module: Module) -> dict[str, nn.Parameter]:
    model = module.model
    assert isinstance(model, nn.Module)
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
