"""What a steady case states."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
import xarray as xr

from surrogate.cases.problem import Problem
from surrogate.operator import Operator


class SteadyCase(Problem):
    """A problem without time: input functions lead to fields, on a grid or each on points of its own.

    Attributes
    ----------
    input_functions
        For each input function its name and the fields that make it up.
    out_fields
        Names of the solution.
    batched
        Whether `solve` computes several samples of one grid together.
    """

    input_functions: ClassVar[Mapping[str, tuple[str, ...]]]
    out_fields: ClassVar[tuple[str, ...]]
    batched: ClassVar[bool] = False

    @abstractmethod
    def inputs(self, indices: Iterable[int], *, seed: int) -> xr.Dataset:
        """Return points and input functions of these samples; each depends on seed and index only."""

    @abstractmethod
    def solver(self) -> Operator:
        """Return the solver that makes the data, as an operator."""

    @abstractmethod
    def solve(
        self, inputs: xr.Dataset, *, batch_size: int | None = None, device: str | torch.device | None = None
    ) -> xr.Dataset:
        """Return the inputs with the solution; by default samples are solved together as suits their size."""

    @abstractmethod
    def ladder(self) -> Mapping[str, Operator]:
        """Return solvers for the cost-accuracy front by name; the last one is that which makes the data."""

    def refined(
        self, indices: Iterable[int], *, seed: int, level: int, device: str | torch.device | None = None
    ) -> xr.Dataset | None:
        """Return the solution of these samples at the points of the data, solved more finely the higher the ``level``.

        Level 1 is at least twice as fine as the solver that makes the data and serves as reference, level 2 at least
        twice as fine again and tells its error. None where the case has no finer solution: that is the default.
        """
        return None
