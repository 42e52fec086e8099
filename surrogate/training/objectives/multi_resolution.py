"""Coarser grids while training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.signature import Signature
from surrogate.datasets.transfer.grid_maps import GridMap, resampling
from surrogate.training.objectives.objective import Batch, TrainingObjective
from surrogate.training.objectives.one_step import Loss, training_objective
from surrogate.training.surrogate import Surrogate

_ON_GRID = ("x", "y", "static", "forcing")


@dataclass(frozen=True)
class MultiResolution(TrainingObjective):
    """An objective on a grid that is, for each batch, coarser by one of some factors, drawn at random.

    Nodes are left out, so that the points that stay are those of the coarser grid; cells are put together to their
    means. Waves too short for the coarser grid are seen there as longer ones. On validation data the grid is that of
    the data.

    Parameters
    ----------
    objective
        What is minimized: plain, or one that unrolls.
    factors
        Whole numbers; 1 is the grid of the data, and a number given twice is drawn twice as often.

    Raises
    ------
    InputError
        Factors below 1; before training: one that does not divide the number of points (closed axes of nodes: of
        intervals), fields on meshes, a network with a fixed ``resolution``, a grid too coarse for the network.
    """

    objective: Loss | TrainingObjective
    factors: Sequence[int] = (1, 2)

    def __post_init__(self) -> None:
        if not self.factors or min(self.factors) < 1:
            raise expected("factors of at least 1", self.factors, "Give whole numbers such as (1, 2).")
        object.__setattr__(self, "factors", tuple(self.factors))

    def frames(self, signature: Signature) -> int:
        """Return those of the objective."""
        if not isinstance(signature.domain, Grid) or not signature.domain.dim:
            raise expected("fields on a grid for MultiResolution", "others", "Leave it out.")
        for factor in self.factors:
            coarser(signature.domain, factor)
        return training_objective(self.objective).frames(signature)

    def check(self, model: Surrogate, batch: Batch) -> None:
        """Try each of the grids."""
        inner = training_objective(self.objective)
        for factor in sorted(set(self.factors)):
            model.check_domain(coarser(model.domain, factor))
            coarse = _coarse(model.domain, factor, batch)
            inner.check(model, coarse)
            inner.losses(model, coarse, None)

    def losses(self, model: Surrogate, batch: Batch, epoch: int | None) -> Tensor:
        """Return the loss on a grid drawn at random; on that of the data for validation."""
        factor = 1 if epoch is None else self.factors[int(torch.randint(len(self.factors), ()))]
        return training_objective(self.objective).losses(model, _coarse(model.domain, factor, batch), epoch)


def coarser(grid: Grid, factor: int) -> Grid:
    """Return the grid of the same box with fewer points.

    Raises
    ------
    InputError
        The factor does not divide the number of cells (of intervals between nodes), or points were given one by one.
    """
    closed = [grid.location == "node" and not wraps for wraps in grid.is_periodic]
    for name, n, ends in zip(grid.names, grid.shape, closed, strict=True):
        if (n - ends) % factor:
            what = "intervals" if ends else "points"
            raise expected(f"a factor that divides the {n - ends} {what} along {name}", factor, "Use another.")
    return grid.with_shape(tuple((n - ends) // factor + ends for n, ends in zip(grid.shape, closed, strict=True)))


def _coarse(grid: Grid, factor: int, batch: Batch) -> Batch:
    return {**batch} | {name: _restricted(grid, factor, batch[name]) for name in _ON_GRID if name in batch}


def _restricted(grid: Grid, factor: int, values: Tensor) -> Tensor:
    if factor == 1:
        return values
    if grid.location == "node":
        every: tuple[Any, ...] = (..., *[slice(None, None, factor)] * grid.dim)
        return values[every]
    means: Tensor = _means(grid, factor, values.dtype).to(values.device)(values)
    return means


@lru_cache(maxsize=16)
def _means(grid: Grid, factor: int, dtype: torch.dtype) -> GridMap:
    with torch.inference_mode(False):  # they outlive this call, and may be differentiated in a later one
        return resampling(grid, coarser(grid, factor), method="conservative", dtype=dtype)
