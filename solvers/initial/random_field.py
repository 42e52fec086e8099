"""What Gaussian random fields share: their spectrum and their settings."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grid import Grid

Field = TypeVar("Field", bound="RandomField")


@dataclass(frozen=True)
class RandomField(ABC):
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

    @classmethod
    def from_settings(cls: type[Field], settings: Mapping[str, Any]) -> Field:
        """Return the distribution that `settings` describes."""
        values = dict(settings)
        if values.pop("distribution", None) != cls.__name__:
            raise expected(f"settings of {cls.__name__}", settings.get("distribution"), "Use its own class.")
        return cls(**values)

    @property
    def settings(self) -> dict[str, Any]:
        """The name and the parameters of this distribution (JSON)."""
        return {"distribution": type(self).__name__, **asdict(self)}

    @abstractmethod
    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x *space"]:
        """Return sample ``index`` of the ensemble ``seed`` at the points of ``grid``, float64."""

    def samples(self, grid: Grid, *, seed: int, indices: Iterable[int]) -> Float[Tensor, "batch 1 x *space"]:
        """Return several samples, each the same as `sample` returns."""
        return torch.stack([self.sample(grid, seed=seed, index=index) for index in indices])
