"""What distributions of functions share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid

Kind = TypeVar("Kind", bound="Distribution")


@dataclass(frozen=True)
class Distribution(ABC):
    """A distribution of functions on a box, from which samples are drawn at the points of any grid of that box.

    A subclass is a frozen dataclass of numbers, words and tuples of these, and states `sample`. A sample depends on
    ``(seed, index)`` only, neither on its batch nor on the process that draws it, and is one function at every
    resolution.
    """

    @classmethod
    def from_settings(cls: type[Kind], settings: Mapping[str, Any]) -> Kind:
        """Return the distribution that `settings` describes."""
        values = dict(settings)
        if values.pop("distribution", None) != cls.__name__:
            raise expected(f"settings of {cls.__name__}", settings.get("distribution"), "Use its own class.")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

    @property
    def settings(self) -> dict[str, Any]:
        """The name and the parameters of this distribution (JSON)."""
        values = asdict(self).items()
        return {
            "distribution": type(self).__name__,
            **{name: list(value) if isinstance(value, tuple) else value for name, value in values},
        }

    @abstractmethod
    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "channel x *space"]:
        """Return sample ``index`` of the ensemble ``seed`` at the points of ``grid``, float64."""

    def samples(self, grid: Grid, *, seed: int, indices: Iterable[int]) -> Float[Tensor, "batch channel x *space"]:
        """Return several samples, each the same as `sample` returns."""
        return torch.stack([self.sample(grid, seed=seed, index=index) for index in indices])
