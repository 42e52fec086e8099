"""What a steady case states."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

import xarray as xr

from surrogate.cases.problem import Problem
from surrogate.operator import Operator


class SteadyCase(Problem):
    """A problem without time: input functions, each on its own points, lead to fields.

    Attributes
    ----------
    input_functions
        For each input function its name and the fields that make it up.
    out_fields
        Names of the solution.
    solver_name
        What the solver is called in tables.
    """

    input_functions: ClassVar[Mapping[str, tuple[str, ...]]]
    out_fields: ClassVar[tuple[str, ...]]
    solver_name: ClassVar[str]

    @abstractmethod
    def inputs(self, indices: Iterable[int], *, seed: int) -> xr.Dataset:
        """Return meshes and input functions of these samples; each depends on seed and index only."""

    @abstractmethod
    def solver(self) -> Operator:
        """Return the solver that makes the data, as an operator."""

    @abstractmethod
    def solve(self, inputs: xr.Dataset, *, degree: int = 1) -> xr.Dataset:
        """Return the inputs with the solution."""
