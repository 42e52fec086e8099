"""Mean square error of standardized fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from surrogate.datasets.meshes.points import Points
from surrogate.training.objectives.norms import totals, weighted
from surrogate.training.objectives.objective import Domain, Frames, PerSample, Summable


@dataclass(frozen=True)
class MeanSquare(Summable):
    r"""Mean of :math:`(p - t)^2` over channels and space, each field in units of its deviation in the training part.

    The loss of forecasters: a window that is small counts little, other than in `RelativeL2`.
    """

    standardized: ClassVar[bool] = True

    def __call__(self, prediction: Frames, target: Frames, domain: Domain) -> PerSample:
        """Return the mean square of each sample."""
        error = prediction - target
        if isinstance(domain, Points):
            return totals(error.square(), domain) / (domain.counts * error.shape[1])
        return weighted(error, domain).square().mean(1)
