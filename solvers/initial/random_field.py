"""What Gaussian random fields share: their spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from surrogate.datasets.errors import expected
from surrogate.solvers.initial.distribution import Distribution


@dataclass(frozen=True)
class RandomField(Distribution):
    r"""A Gaussian random field :math:`N(0, \sigma^2 (-\Delta + \tau^2)^{-\gamma})`, a sum of modes.

    A subclass states the modes in `sample`, and ``fewest``, the least number of them along an axis.
    """

    gamma: float
    tau: float
    sigma: float
    n_frequencies: int

    fewest: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.gamma) and math.isfinite(self.tau) and 0 < self.sigma < math.inf):
            raise expected("finite gamma and tau and a positive sigma", self, "Correct them.")
        if self.n_frequencies < self.fewest:
            raise expected(f"n_frequencies of at least {self.fewest}", self.n_frequencies, "Use a larger one.")
