"""Sums of objectives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.samples.signature import Signature
from surrogate.training.objectives.objective import Batch, TrainingObjective
from surrogate.training.objectives.one_step import Loss, training_objective
from surrogate.training.surrogate import Surrogate


@dataclass(frozen=True)
class Sum(TrainingObjective):
    r"""The weighted sum :math:`\sum_i w_i L_i`, written ``RelativeL2() + 0.1 * StepResidual(solver)``.

    Each term asks the model on its own.

    Parameters
    ----------
    terms
        Pairs of weight and objective.

    Raises
    ------
    InputError
        A weight that is not positive.
    """

    terms: tuple[tuple[float, Loss | TrainingObjective], ...]

    def __post_init__(self) -> None:
        if not all(0 < weight < float("inf") for weight, _ in self.terms):
            raise expected("positive weights", [weight for weight, _ in self.terms], "Leave out what is not to count.")

    def frames(self, signature: Signature) -> int:
        """Return the most that one of them asks for."""
        return max(term.frames(signature) for _, term in self._weighted)

    def check(self, model: Surrogate, batch: Batch) -> None:
        """Check each."""
        for _, term in self._weighted:
            term.check(model, batch)

    def losses(self, model: Surrogate, batch: Batch, epoch: int | None) -> Tensor:
        """Return the sum for each sample."""
        parts = [weight * term.losses(model, batch, epoch) for weight, term in self._weighted]
        return sum(parts[1:], start=parts[0])

    @classmethod
    def terms_of(cls, objective: Any) -> tuple[tuple[float, Any], ...]:
        """Return the terms of a sum, or any other objective as the only one."""
        return objective.terms if isinstance(objective, cls) else ((1.0, objective),)

    @property
    def _weighted(self) -> list[tuple[float, TrainingObjective]]:
        return [(weight, training_objective(term)) for weight, term in self.terms]
