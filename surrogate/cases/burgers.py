"""Burgers flow out of a Gaussian random field, the first experiment of the operator-learning literature."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.cases.case import Case
from surrogate.cases.solver_choice import SolverChoice
from surrogate.datasets.errors import expected
from surrogate.datasets.grid import Grid
from surrogate.solvers.burgers import Burgers as BurgersSolver
from surrogate.solvers.initial.gaussian_random_field import GaussianRandomField

# A point of a Gaussian field exceeds five standard deviations once in 2e6: the fastest point of any usual ensemble.
_FASTEST = 5.0
# With 1/300 of the time in which the fastest point crosses the domain, errors of the time step are about 1e-8.
_CROSSING = 300


@dataclass(frozen=True)
class Burgers(Case):
    r"""Burgers equation :math:`u_t + (u^2/2)_x = \nu u_{xx}` on the periodic unit interval, from random initial data.

    Parameters
    ----------
    resolution
        Number of grid points.
    viscosity
        Viscosity ν > 0.
    dt
        Time between two frames.
    steps
        Number of frames after the initial one; ``steps=1`` makes a map from start to end.
    initial
        Distribution of the initial data.

    Raises
    ------
    InputError
        Values that `surrogate.solvers.Burgers` refuses, or ``steps`` below 1.

    Examples
    --------
    >>> case = Burgers(resolution=64, viscosity=0.05, dt=0.1, steps=10)
    >>> u = case.initial_state([0, 1], seed=0)
    >>> case.solver()(u).shape
    torch.Size([2, 1, 64])
    """

    resolution: int = 256
    viscosity: float = 0.1
    dt: float = field(default=1.0, kw_only=True)
    steps: int = field(default=1, kw_only=True)
    initial: GaussianRandomField = field(default=GaussianRandomField(), kw_only=True)

    equation: ClassVar[str] = BurgersSolver.equation
    #: Data of arXiv 2010.08895: ``R10`` and ``v1000`` as the scripts make them, ``paper`` as the text says.
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "R10": {"resolution": 8192, "viscosity": 0.1, "initial": GaussianRandomField(n_frequencies=4096)},
        "paper": {"resolution": 8192, "viscosity": 0.1, "initial": GaussianRandomField.paper(n_frequencies=4096)},
        "v1000": {
            "resolution": 1024,
            "viscosity": 0.001,
            "dt": 0.005,
            "steps": 200,
            "initial": GaussianRandomField(n_frequencies=512),
        },
    }

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise expected("at least one step", self.steps, "Use steps=1 for a map from start to end.")
        self.solver(substeps=1)

    @classmethod
    def published(cls, name: str) -> Burgers:
        """Return a configuration of the literature: a key of `PUBLISHED`."""
        if name not in cls.PUBLISHED:
            raise expected(f"one of {', '.join(cls.PUBLISHED)}", name, "Choose one of them.")
        return cls(**cls.PUBLISHED[name])

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Burgers:
        """Return the case that `settings` describes."""
        values = dict(settings)
        if values.pop("case", None) != cls.__name__:
            raise expected(
                f"settings of the case {cls.__name__}", settings.get("case"), "Read them with their own case."
            )
        return cls(**values | {"initial": GaussianRandomField.from_settings(values["initial"])})

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that identifies the case (JSON)."""
        arguments = {name: getattr(self, name) for name in ("resolution", "viscosity", "dt", "steps")}
        return {"case": type(self).__name__, **arguments, "initial": self.initial.settings}

    @property
    def parameters(self) -> dict[str, float]:
        """The viscosity."""
        return {"viscosity": self.viscosity}

    @property
    def grid(self) -> Grid:
        """The grid of the data."""
        return self._grid(self.resolution)

    def solver(
        self, resolution: int | None = None, substeps: int | None = None, dtype: torch.dtype = torch.float64
    ) -> BurgersSolver:
        """Return the solver that advances by ``dt``; by default the one that makes the data, see `default_substeps`."""
        resolution = self.resolution if resolution is None else resolution
        substeps = self.default_substeps(resolution) if substeps is None else substeps
        grid = self._grid(resolution)
        return BurgersSolver(grid, viscosity=self.viscosity, dt=self.dt, substeps=substeps, dtype=dtype)

    def initial_state(
        self, indices: Iterable[int], *, seed: int, resolution: int | None = None
    ) -> Float[Tensor, "batch 1 x"]:
        """Return initial data of these samples of the ensemble ``seed``, float64; one function at every resolution."""
        grid = self._grid(self.resolution if resolution is None else resolution)
        return self.initial.samples(grid, seed=seed, indices=indices)

    def default_substeps(self, resolution: int) -> int:
        """Return how many substeps keep half the stable step, and mean relative errors of the time step at 1e-8."""
        return max(2 * self._stable_substeps(resolution), math.ceil(_CROSSING * self.dt * self._fastest))

    def ladder(self) -> list[SolverChoice]:
        """Return coarse solvers for the cost-accuracy front, ending with the solver that makes the data.

        Resolutions double from 16 points until shocks are resolved; substeps double from bold to safely stable, in
        float32, whose round-off is below their error, and once in float64. The boldest may fail on the fastest samples.
        """
        choices = []
        for resolution in self._useful_resolutions():
            stable = 2 ** math.ceil(math.log2(self._stable_substeps(resolution)))
            bold = [stable >> level for level in range(4, -1, -1) if stable >> level]
            choices += [SolverChoice(resolution, substeps, torch.float32) for substeps in bold]
            choices.append(SolverChoice(resolution, stable))
        return [*choices, SolverChoice(self.resolution, self.default_substeps(self.resolution))]

    def reference_settings(self, *competitors: SolverChoice) -> SolverChoice:
        """Return a choice twice as fine in space and in time as the competitors and as the solver of the data."""
        finest = [SolverChoice(self.resolution, self.default_substeps(self.resolution)), *competitors]
        resolution = 2 * max(choice.resolution for choice in finest)
        substeps = 2 * max(choice.substeps for choice in finest)
        return SolverChoice(resolution, max(substeps, self.default_substeps(resolution)))

    def out_of_distribution(self) -> Mapping[str, Burgers]:
        """Return the case with initial data of half and of one and a half times the amplitude."""
        factors = {"half the amplitude": 0.5, "1.5 times the amplitude": 1.5}
        return {
            name: replace(self, initial=replace(self.initial, sigma=factor * self.initial.sigma))
            for name, factor in factors.items()
        }

    @property
    def _fastest(self) -> float:
        return _FASTEST * self.initial.standard_deviation()

    def _useful_resolutions(self) -> list[int]:
        resolutions, thickness = [16], self.viscosity / (4 * self._fastest)
        while resolutions[-1] * thickness < 1:
            resolutions.append(2 * resolutions[-1])
        return sorted({*(n for n in resolutions if n < self.resolution), self.resolution})

    def _stable_substeps(self, resolution: int) -> int:
        fastest = torch.full((1, 1, resolution), self._fastest)
        return math.ceil(self.dt / self.solver(resolution, substeps=1).dt_max(fastest))

    def _grid(self, resolution: int) -> Grid:
        return Grid((resolution,), periodic=True)
