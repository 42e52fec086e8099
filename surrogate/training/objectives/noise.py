"""Noise on the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.points import Points
from surrogate.datasets.samples.normalizer import Normalizer
from surrogate.datasets.samples.signature import Signature
from surrogate.training.objectives.objective import Batch, TrainingObjective
from surrogate.training.objectives.one_step import Loss, training_objective
from surrogate.training.surrogate import Surrogate, function_role


@dataclass(frozen=True)
class Noise(TrainingObjective):
    r"""An objective with Gaussian noise on the input fields while training: :math:`x + s \sigma \xi`.

    A model that learns to lead states beside those of the data back to them is more stable over many steps. The noise
    is independent in each point, frame and batch; static fields beside a state, forcing and parameters have none.

    Parameters
    ----------
    objective
        What is minimized: plain, or one that unrolls, whose first state has the noise.
    scale
        Standard deviation s in units of the deviation σ of each field in the training part. Good values: 1e-3 to 1e-1.

    Raises
    ------
    InputError
        A scale that is not positive.

    References
    ----------
    Sanchez-Gonzalez et al., arXiv 2002.09405.
    """

    objective: Loss | TrainingObjective
    scale: float

    def __post_init__(self) -> None:
        if not 0 < self.scale < float("inf"):
            raise expected("a positive scale of the noise", self.scale, "Give the share of each field's deviation.")

    def frames(self, signature: Signature) -> int:
        """Return those of the objective."""
        return training_objective(self.objective).frames(signature)

    def check(self, model: Surrogate, batch: Batch) -> None:
        """Check the objective."""
        training_objective(self.objective).check(model, batch)

    def losses(self, model: Surrogate, batch: Batch, epoch: int | None) -> Tensor:
        """Return the loss for inputs with noise; without it on validation data."""
        given = batch if epoch is None else {**batch, "x": self._noisy(model, batch["x"])}
        return training_objective(self.objective).losses(model, given, epoch)

    def _noisy(self, model: Surrogate, x: Tensor | Sequence[Points]) -> Any:
        if isinstance(x, Tensor):
            return self._added(model.normalizer("input"), x)
        return [
            points
            if points.values is None or not model.functions[i]
            else points._replace(values=self._added(model.normalizer(function_role(i)), points.values))
            for i, points in enumerate(x)
        ]

    def _added(self, normalizer: Normalizer, values: Tensor) -> Tensor:
        return normalizer.denormalize(normalizer.normalize(values) + self.scale * torch.randn_like(values))
