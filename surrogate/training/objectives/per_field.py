"""An objective of each field alone, weighted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.training.objectives.objective import Domain, Frames, Objective, Summable
from surrogate.training.objectives.relative_l2 import RelativeL2


@dataclass(frozen=True)
class PerField(Summable):
    r"""The weighted mean :math:`\sum_f w_f L_f / \sum_f w_f` of an objective of each field alone.

    Jointly a field of small values counts little; alone each is measured by its own norm.

    Parameters
    ----------
    weights
        For every output field its weight, at least 0.
    objective
        Of the frames of one field.

    Raises
    ------
    InputError
        A weight that is negative, or none that is positive; before training: unknown fields, or fields left out.
    """

    weights: Mapping[str, float]
    objective: Objective = field(default=RelativeL2())

    def __post_init__(self) -> None:
        weights = dict(self.weights)
        if not all(0 <= weight < float("inf") for weight in weights.values()) or not any(weights.values()):
            raise expected("weights of at least 0, one of them positive", weights, "Correct `weights`.")
        object.__setattr__(self, "weights", weights)

    @property
    def standardized(self) -> bool:
        """Whether the objective takes normalized fields."""
        return bool(getattr(self.objective, "standardized", False))

    def losses(self, fields: Sequence[str], prediction: Frames, target: Frames, domain: Domain) -> Tensor:
        """Return one loss per sample, of frames whose channels are ``fields``, again and again."""
        if set(self.weights) != set(fields):
            do = "Give each a weight; 0 leaves it out."
            raise expected(f"weights of the output fields {list(fields)}", list(self.weights), do)
        count, total = len(fields), sum(self.weights.values())
        parts = [
            self.weights[name] / total * self.objective(prediction[:, i::count], target[:, i::count], domain)
            for i, name in enumerate(fields)
            if self.weights[name]
        ]
        return sum(parts[1:], start=parts[0])
