"""Kolmogorov flow at the Reynolds number of the literature on learned turbulence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.cases.plane_flow import PlaneFlow
from surrogate.datasets.errors import expected
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.solvers.initial.gaussian_random_field import GaussianRandomField
from surrogate.solvers.vorticity_forcing import KolmogorovForcing


@dataclass(frozen=True)
class Kolmogorov(PlaneFlow):
    r"""Vorticity :math:`w_t + u \cdot \nabla w = \nu \nabla^2 w - \mu w - A k \cos(k y)` on the square of side 2π.

    Parameters
    ----------
    resolution
        Number of grid points along each axis.
    viscosity
        Viscosity ν > 0, 1/Re.
    dt
        Time between two frames.
    steps
        Number of frames after the first one.
    drag
        Linear drag μ.
    wavenumber
        Wavenumber k of the forcing.
    amplitude
        Amplitude A of the body force.
    warm_up
        Time for which the flow is left alone with the forcing before the first frame; a multiple of ``dt``.
    initial
        Distribution of the vorticity at the start of the warm-up.

    Raises
    ------
    InputError
        Values that `surrogate.solvers.NavierStokes2D` refuses, ``steps`` below 1, a warm-up that is negative or no
        multiple of ``dt``.

    Examples
    --------
    >>> case = Kolmogorov(resolution=32, viscosity=0.05, wavenumber=2, warm_up=0.0, steps=2)
    >>> case.solver()(case.initial_state([0], seed=0)).shape
    torch.Size([1, 1, 32, 32])
    """

    resolution: int = 256
    viscosity: float = 1e-3
    dt: float = field(default=1 / 32, kw_only=True)
    steps: int = field(default=256, kw_only=True)
    drag: float = field(default=0.1, kw_only=True)
    wavenumber: int = field(default=8, kw_only=True)
    amplitude: float = field(default=1.0, kw_only=True)
    warm_up: float = field(default=2.0, kw_only=True)
    initial: GaussianRandomField = field(default=GaussianRandomField.kolmogorov(n_frequencies=128), kw_only=True)

    box: ClassVar[tuple[float, ...]] = (2 * math.pi, 2 * math.pi)
    #: ``factformer``: arXiv 2305.17560, there on 2048² points; ``kochkov``: the flow of arXiv 2102.01010.
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "factformer": {},
        "kochkov": {"wavenumber": 4, "warm_up": 40.0},
    }

    def __post_init__(self) -> None:
        rounds = self.warm_up / self.dt
        if not (0 <= rounds < math.inf and math.isclose(rounds, round(rounds), abs_tol=1e-6)):
            raise expected("a warm-up that is a multiple of dt", self.warm_up, f"Use one of dt = {self.dt:.6g}.")
        super().__post_init__()

    @property
    def forcing(self) -> KolmogorovForcing:
        """The curl of the body force."""
        return KolmogorovForcing(self.wavenumber, self.amplitude)

    @property
    def body_force(self) -> tuple[float, float]:
        """The largest body force, and its wavenumber."""
        return abs(self.amplitude), float(self.wavenumber)

    def initial_state(
        self, indices: Iterable[int], *, seed: int, resolution: int | None = None
    ) -> Float[Tensor, "batch 1 x y"]:
        """Return the vorticity after the warm-up, solved at the resolution of the data, as one function of space."""
        states = torch.cat([_warmed_up(self, seed, int(index)) for index in indices])
        return states if resolution is None else resample_periodic(states, (resolution, resolution))

    def _start(self, seed: int, index: int) -> Tensor:
        return super().initial_state([index], seed=seed)


@lru_cache(maxsize=64)
def _warmed_up(case: Kolmogorov, seed: int, index: int) -> Tensor:
    solver = case.solver()
    state = case._start(seed, index)
    carry = solver.init(state)
    for _ in range(round(case.warm_up / case.dt)):
        carry, state = solver.step(carry)
    return state
