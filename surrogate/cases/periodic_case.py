"""What cases of periodic equations share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

import surrogate.solvers.initial
from surrogate.cases.case import Case
from surrogate.cases.solver_choice import SolverChoice
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial.distribution import Distribution
from surrogate.solvers.periodic import PeriodicEquation
from surrogate.solvers.schemes import SchemeName

# Schemes of the ladder, each with the number of time steps tried at each resolution.
_LADDER: dict[SchemeName, int] = {"ETDRK4": 5, "ETDRK2": 3}

Kind = TypeVar("Kind", bound="PeriodicCase")


class PeriodicCase(Case):
    """A periodic equation out of random initial data, solved by a pseudo-spectral method on equal axes.

    A subclass is a frozen dataclass with the fields ``resolution``, ``dt``, ``steps``, ``initial`` and the constants
    of its equation. It states `parameters`, its box, its `make_solver`, the states that limit the time step and how
    many steps keep the error small (`fastest_state`, `accurate_substeps`), and the `useful_resolutions` of the ladder.
    """

    #: Lengths of the axes.
    box: ClassVar[tuple[float, ...]] = (1.0,)
    #: Configurations of the literature: their arguments by name.
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    resolution: int
    initial: Any

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise expected("at least one step", self.steps, "Use steps=1 for a map from start to end.")
        self.solver(substeps=1)

    @classmethod
    def published(cls: type[Kind], name: str) -> Kind:
        """Return a configuration of the literature: a key of `PUBLISHED`."""
        if name not in cls.PUBLISHED:
            raise expected(f"one of {', '.join(cls.PUBLISHED)}", name, "Choose one of them.")
        return cls(**cls.PUBLISHED[name])

    @classmethod
    def from_settings(cls: type[Kind], settings: Mapping[str, Any]) -> Kind:
        """Return the case that `settings` describes."""
        values = cls.own_values(settings)
        kind = getattr(surrogate.solvers.initial, str(values["initial"].get("distribution")), None)
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            do = "Use one of `surrogate.solvers.initial`."
            raise expected("a known distribution of initial data", values["initial"].get("distribution"), do)
        return cls(**values | {"initial": kind.from_settings(values["initial"])})

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that identifies the case (JSON)."""
        arguments = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {"case": type(self).__name__, **arguments, "initial": self.initial.settings}

    @property
    def grid(self) -> Grid:
        """The grid of the data."""
        return self.grid_of(self.resolution)

    def grid_of(self, resolution: int) -> Grid:
        """Return the grid with that many points along each axis."""
        return Grid((resolution,) * len(self.box), extent=self.box, periodic=True)

    @abstractmethod
    def make_solver(self, grid: Grid, substeps: int, dtype: torch.dtype, scheme: SchemeName) -> PeriodicEquation:
        """Return the solver on that grid."""

    @abstractmethod
    def fastest_state(self, grid: Grid) -> Float[Tensor, "1 channel *space"]:
        """Return a state as fast as any of a usual ensemble: it limits the time step."""

    @abstractmethod
    def accurate_substeps(self) -> int:
        """Return how many substeps keep mean relative errors of the time step at about 1e-8."""

    @abstractmethod
    def useful_resolutions(self) -> list[int]:
        """Return the resolutions of the ladder, from useless to that of the data."""

    def solver(
        self,
        resolution: int | None = None,
        substeps: int | None = None,
        dtype: torch.dtype = torch.float64,
        scheme: SchemeName = "ETDRK4",
    ) -> PeriodicEquation:
        """Return the solver that advances by ``dt``; by default the one that makes the data, see `default_substeps`."""
        resolution = self.resolution if resolution is None else resolution
        substeps = self.default_substeps(resolution) if substeps is None else substeps
        return self.make_solver(self.grid_of(resolution), substeps, dtype, scheme)

    def initial_state(
        self, indices: Iterable[int], *, seed: int, resolution: int | None = None
    ) -> Float[Tensor, "batch channel *space"]:
        """Return initial data of these samples of the ensemble ``seed``, float64; one function at every resolution."""
        grid = self.grid if resolution is None else self.grid_of(resolution)
        states: Tensor = self.initial.samples(grid, seed=seed, indices=indices)
        return states

    def default_substeps(self, resolution: int) -> int:
        """Return how many substeps keep half the stable step, and errors of the time step small."""
        return max(2 * self._stable_substeps(resolution), self.accurate_substeps())

    def ladder(self) -> list[SolverChoice]:
        """Return coarse solvers for the cost-accuracy front, ending with the solver that makes the data.

        Schemes of order four and two, of which the second is cheaper where errors may be large. Substeps double from
        bold to twice as many as are stable, in float32, whose round-off is below their error; of order four once in
        float64. The boldest may fail on the fastest samples.
        """
        choices = []
        for resolution in self.useful_resolutions():
            for scheme, levels in _LADDER.items():
                most = 2 ** (1 + math.ceil(math.log2(self._stable_substeps(resolution, scheme))))
                fewer = [most >> level for level in range(levels - 1, -1, -1) if most >> level]
                choices += [SolverChoice(resolution, substeps, torch.float32, scheme) for substeps in fewer]
                if scheme == "ETDRK4":
                    choices.append(SolverChoice(resolution, most))
        return [*choices, SolverChoice(self.resolution, self.default_substeps(self.resolution))]

    def reference_settings(self, *competitors: SolverChoice) -> SolverChoice:
        """Return a choice twice as fine in space and in time as the competitors and as the solver of the data."""
        finest = [SolverChoice(self.resolution, self.default_substeps(self.resolution)), *competitors]
        resolution = 2 * max(choice.resolution for choice in finest)
        substeps = 2 * max(choice.substeps for choice in finest)
        return SolverChoice(resolution, max(substeps, self.default_substeps(resolution)))

    def out_of_distribution(self: Kind) -> Mapping[str, Kind]:
        """Return the case with initial data of half and of one and a half times the amplitude."""
        factors = {"half the amplitude": 0.5, "1.5 times the amplitude": 1.5}
        fields = {name: replace(self.initial, sigma=factor * self.initial.sigma) for name, factor in factors.items()}
        return {name: replace(self, initial=field) for name, field in fields.items()}  # type: ignore[type-var]

    @lru_cache(maxsize=64)  # noqa: B019  # cases are values: small, frozen, compared by their fields
    def _stable_substeps(self, resolution: int, scheme: SchemeName = "ETDRK4") -> int:
        state = self.fastest_state(self.grid_of(resolution))
        return math.ceil(self.dt / self.solver(resolution, substeps=1, scheme=scheme).dt_max(state))
