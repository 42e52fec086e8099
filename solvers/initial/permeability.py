"""Random permeability of a porous medium."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial.neumann_random_field import NeumannRandomField


class Permeability(ABC):
    """A function of a Gaussian random field, value by value: one field at every resolution."""

    field: NeumannRandomField

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The name and the parameters of this distribution (JSON)."""

    @abstractmethod
    def of(self, psi: Tensor) -> Tensor:
        """Return the permeability for values of the Gaussian field."""

    @staticmethod
    def from_settings(settings: Mapping[str, Any]) -> Permeability:
        """Return the distribution that ``settings`` describes."""
        values = dict(settings)
        kinds: dict[Any, Any] = {"TwoPhase": TwoPhase, "LogNormal": LogNormal}
        kind = kinds.get(values.pop("distribution", None))
        if kind is None:
            raise expected("settings of TwoPhase or LogNormal", settings.get("distribution"), "Use its own class.")
        made = kind(**values | {"field": NeumannRandomField.from_settings(values["field"])})
        assert isinstance(made, Permeability)
        return made

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x *space"]:
        """Return sample ``index`` of the ensemble ``seed`` at the points of ``grid``, float64."""
        return self.of(self.field.sample(grid, seed=seed, index=index))


@dataclass(frozen=True)
class TwoPhase(Permeability):
    r"""Two rocks: ``high`` where :math:`\psi \ge 0`, ``low`` elsewhere.

    Parameters
    ----------
    low, high
        The two values; those of arXiv 2010.08895 are 3 and 12.
    field
        Distribution of ψ.

    Raises
    ------
    InputError
        Values that are not positive.
    """

    low: float = 3.0
    high: float = 12.0
    field: NeumannRandomField = field(default=NeumannRandomField(), kw_only=True)

    def __post_init__(self) -> None:
        if not (0 < self.low < math.inf and 0 < self.high < math.inf):
            raise expected("two positive values", (self.low, self.high), "Correct `low` and `high`.")

    @property
    def settings(self) -> dict[str, Any]:
        """The name and the parameters of this distribution (JSON)."""
        return {"distribution": type(self).__name__, "low": self.low, "high": self.high, "field": self.field.settings}

    def of(self, psi: Tensor) -> Tensor:
        """Return ``high`` or ``low``."""
        return torch.where(psi >= 0, self.high, self.low).to(psi.dtype)


@dataclass(frozen=True)
class LogNormal(Permeability):
    r"""The smooth permeability :math:`a = e^{\psi}`.

    Parameters
    ----------
    field
        Distribution of ψ.
    """

    field: NeumannRandomField = field(default=NeumannRandomField(), kw_only=True)

    @property
    def settings(self) -> dict[str, Any]:
        """The name and the parameters of this distribution (JSON)."""
        return {"distribution": type(self).__name__, "field": self.field.settings}

    def of(self, psi: Tensor) -> Tensor:
        """Return the exponential."""
        return psi.exp()
