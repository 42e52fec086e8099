"""Forced flow out of a random vorticity, the second experiment of the Fourier neural operator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from surrogate.cases.plane_flow import PlaneFlow
from surrogate.solvers.initial.gaussian_random_field import GaussianRandomField
from surrogate.solvers.vorticity_forcing import DiagonalForcing


@dataclass(frozen=True)
class NavierStokes(PlaneFlow):
    r"""Flow on the periodic unit square, :math:`w_t + u \cdot \nabla w = \nu \nabla^2 w + A (\sin s + \cos s)`.

    w is the vorticity and :math:`s = 2 \pi (x + y)`.

    Parameters
    ----------
    resolution
        Number of grid points along each axis.
    viscosity
        Viscosity ν > 0. At 1e-3 the flow becomes steady; at 1e-4 and below it does not, and small differences grow.
    dt
        Time between two frames.
    steps
        Number of frames after the initial one.
    amplitude
        Amplitude A of the forcing; 0 lets the flow decay.
    drag
        Linear drag.
    initial
        Distribution of the initial vorticity.

    Raises
    ------
    InputError
        Values that `surrogate.solvers.NavierStokes2D` refuses, or ``steps`` below 1.

    Notes
    -----
    The published data (arXiv 2010.08895) were computed on 256² points by a scheme of first order with steps of 1e-4, in
    float32, and stored on 64². Mean relative errors of our time step at the end are 1e-8 for ν = 1e-3 and 1e-5 for
    ν = 1e-4 on 64² points.

    Examples
    --------
    >>> case = NavierStokes(resolution=32, viscosity=1e-3, steps=2)
    >>> w = case.initial_state([0, 1], seed=0)
    >>> case.solver()(w).shape
    torch.Size([2, 1, 32, 32])
    """

    resolution: int = 64
    viscosity: float = 1e-3
    dt: float = field(default=1.0, kw_only=True)
    steps: int = field(default=50, kw_only=True)
    amplitude: float = field(default=0.1, kw_only=True)
    drag: float = field(default=0.0, kw_only=True)
    initial: GaussianRandomField = field(default=GaussianRandomField.navier_stokes(n_frequencies=128), kw_only=True)

    box: ClassVar[tuple[float, ...]] = (1.0, 1.0)
    #: Data of arXiv 2010.08895.
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "V1e-3": {"resolution": 256, "viscosity": 1e-3, "steps": 50},
        "V1e-4": {"resolution": 256, "viscosity": 1e-4, "steps": 30},
        "V1e-5": {"resolution": 256, "viscosity": 1e-5, "steps": 20},
    }

    @property
    def forcing(self) -> DiagonalForcing | None:
        """The curl of the body force."""
        return DiagonalForcing(self.amplitude) if self.amplitude else None

    @property
    def body_force(self) -> tuple[float, float]:
        """The largest body force, and its wavenumber."""
        k = 2 * math.pi * math.sqrt(2)
        return math.sqrt(2) * abs(self.amplitude) / k, k
