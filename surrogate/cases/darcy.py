"""Darcy flow through random rock, the steady experiment of the operator-learning literature."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import xarray as xr

from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.tensors import to_fields
from surrogate.prediction import predict
from surrogate.solvers.darcy import Darcy as DarcySolver
from surrogate.solvers.initial.neumann_random_field import NeumannRandomField
from surrogate.solvers.initial.permeability import Permeability, TwoPhase

_COARSEST = 8
_BATCH_POINTS = 2**20


@dataclass(frozen=True)
class Darcy(SteadyCase):
    r"""The equation :math:`-\nabla \cdot (a \nabla p) = f` on the unit square with :math:`p = 0` on its boundary.

    A sample has the same permeability a, as a function, at every resolution.

    Parameters
    ----------
    resolution
        Number of points along each axis.
    source
        The constant f.
    permeability
        Distribution of a: `surrogate.solvers.initial.TwoPhase` or `surrogate.solvers.initial.LogNormal`.
    location
        ``cell``: finite volumes with harmonic means; ``node``, with both ends: arithmetic means, as the data of
        arXiv 2010.08895, of first order where a jumps. (These scripts also interpolate a to the nodes by splines.)

    Raises
    ------
    InputError
        Fewer than four points, a source that is zero, or another location.

    Examples
    --------
    >>> case = Darcy(resolution=16)
    >>> fields = case.solve(case.inputs([0, 1], seed=0))
    >>> dict(fields["pressure"].sizes)
    {'sample': 2, 'x': 16, 'y': 16}
    """

    resolution: int = 64
    source: float = 1.0
    permeability: Permeability = field(default=TwoPhase(), kw_only=True)
    location: Literal["cell", "node"] = field(default="cell", kw_only=True)

    equation: ClassVar[str] = DarcySolver.equation
    input_functions = {"permeability": ("permeability",)}
    out_fields = ("pressure",)
    batched = True
    #: Data of arXiv 2010.08895, but for its splines.
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "fno": {
            "resolution": 421,
            "permeability": TwoPhase(field=NeumannRandomField(n_frequencies=421)),
            "location": "node",
        },
    }

    def __post_init__(self) -> None:
        if self.resolution < 4:
            raise expected("at least 4 points along each axis", self.resolution, "Use a larger resolution.")
        if not math.isfinite(self.source) or self.source == 0:
            raise expected("a source that is not zero", self.source, "Correct `source`.")
        self._grid(self.resolution)  # which checks the location

    @classmethod
    def published(cls, name: str) -> Darcy:
        """Return a configuration of the literature: a key of `PUBLISHED`."""
        if name not in cls.PUBLISHED:
            raise expected(f"one of {', '.join(cls.PUBLISHED)}", name, "Choose one of them.")
        return cls(**cls.PUBLISHED[name])

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Darcy:
        """Return the case that `settings` describes."""
        values = cls.own_values(settings)
        return cls(**values | {"permeability": Permeability.from_settings(values["permeability"])})

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that identifies the case (JSON)."""
        arguments = {name: getattr(self, name) for name in ("resolution", "source", "location")}
        return {"case": type(self).__name__, **arguments, "permeability": self.permeability.settings}

    @property
    def parameters(self) -> dict[str, float]:
        """The source."""
        return {"source": self.source}

    @property
    def grid(self) -> Grid:
        """The grid of the data."""
        return self._grid(self.resolution)

    def inputs(self, indices: Iterable[int], *, seed: int, resolution: int | None = None) -> xr.Dataset:
        """Return the permeability of these samples of the ensemble ``seed``; one function at every resolution."""
        grid = self._grid(self.resolution if resolution is None else resolution)
        drawn = {index: self.permeability.sample(grid, seed=seed, index=index) for index in indices}
        if not drawn:
            raise expected("at least one sample", "none", "Ask for more.")
        template = xr.Dataset(coords={"sample": np.array(list(drawn)), **grid.coordinates()})
        return to_fields(
            torch.stack(list(drawn.values())), ("permeability",), template, attributes=DarcySolver.attributes
        )

    def solver(
        self, resolution: int | None = None, dtype: torch.dtype = torch.float64, tolerance: float | None = None
    ) -> DarcySolver:
        """Return the solver that makes the data, or a coarser or less exact one."""
        mean = "harmonic" if self.location == "cell" else "arithmetic"
        grid = self._grid(self.resolution if resolution is None else resolution)
        return DarcySolver(grid, source=self.source, mean=mean, dtype=dtype, tolerance=tolerance)

    def solve(
        self, inputs: xr.Dataset, *, batch_size: int | None = None, device: str | torch.device | None = None
    ) -> xr.Dataset:
        """Return the inputs with the pressure."""
        fitting = max(1, _BATCH_POINTS // (inputs.sizes["x"] * inputs.sizes["y"]))
        solution = predict(self.solver(inputs.sizes["x"]), inputs, batch_size=batch_size or fitting, device=device)
        return inputs.assign(pressure=solution["pressure"].assign_attrs(boundary_value=0.0))

    def refined(
        self, indices: Iterable[int], *, seed: int, level: int, device: str | torch.device | None = None
    ) -> xr.Dataset:
        """Return the pressure on a grid three times as fine at each level (twice, at nodes), at points of the data.

        These points are among those of the finer grids, so that nothing is interpolated.
        """
        factor = 3**level if self.location == "cell" else 2**level
        fine = factor * self.resolution if self.location == "cell" else factor * (self.resolution - 1) + 1
        chosen = slice(factor // 2 if self.location == "cell" else 0, None, factor)
        solved = self.solve(self.inputs(indices, seed=seed, resolution=fine), device=device)
        coarse = solved[["pressure"]].isel(x=chosen, y=chosen)
        return coarse.drop_vars(["x", "y"]).assign_coords(self.grid.coordinates())

    def ladder(self) -> dict[str, DarcySolver]:
        """Return solvers that are quicker and less exact, then the one that makes the data.

        Resolutions from 8 points, each twice the one before, with the residual reduced to 1e-3, below the error of the
        coarse grids; at full resolution also 1e-1 and 1e-2, in single precision.
        """
        solvers, n = {}, _COARSEST
        while n < self.resolution:
            solvers[f"n={n}, tolerance 1e-3, float32"] = self.solver(n, torch.float32, 1e-3)
            n *= 2
        for tolerance in (1e-1, 1e-2, 1e-3):
            name = f"n={self.resolution}, tolerance {tolerance:.0e}, float32".replace("e-0", "e-")
            solvers[name] = self.solver(None, torch.float32, tolerance)
        return solvers | {f"n={self.resolution}, float64": self.solver()}

    def _grid(self, resolution: int) -> Grid:
        sides = ("dirichlet", "dirichlet")
        return Grid((resolution, resolution), boundary=(sides, sides), location=self.location)
