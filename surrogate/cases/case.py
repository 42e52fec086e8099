"""What a case states."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.cases.problem import Problem
from surrogate.cases.solver_choice import SolverChoice
from surrogate.datasets.grids.grid import Grid
from surrogate.operator import Stepper
from surrogate.solvers.schemes import SchemeName


class Case(Problem):
    """A time-dependent problem of the literature: it builds the truth and the solvers that compete with it."""

    dt: float
    steps: int

    @property
    @abstractmethod
    def grid(self) -> Grid:
        """The grid of the data."""

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Case:
        """Return the case that `settings` describes."""

    @abstractmethod
    def solver(
        self,
        resolution: int | None = None,
        substeps: int | None = None,
        dtype: torch.dtype = torch.float64,
        scheme: SchemeName = "ETDRK4",
    ) -> Stepper:
        """Return a solver that advances by ``dt``; by default the one that makes the data."""

    @abstractmethod
    def initial_state(
        self, indices: Iterable[int], *, seed: int, resolution: int | None = None
    ) -> Float[Tensor, "batch channel *space"]:
        """Return the initial states of these samples; one function at every resolution."""

    @abstractmethod
    def ladder(self) -> list[SolverChoice]:
        """Return coarse solvers for the cost-accuracy front."""

    @abstractmethod
    def reference_settings(self, *competitors: SolverChoice) -> SolverChoice:
        """Return a choice twice as fine in space and in time as the competitors and as the solver of the data."""
