"""Vorticity from which coherent vortices emerge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial.distribution import Distribution
from surrogate.solvers.initial.modes import half_space, plane_waves, require_box, wavevectors
from surrogate.solvers.random_streams import generator


@dataclass(frozen=True)
class McWilliams(Distribution):
    r"""Random vorticity whose stream function has the spectrum :math:`1 / (k (\tau^2 + (k / k_0)^4))`, of given energy.

    The modes of the stream function are normal with this variance, and each sample is scaled to its kinetic energy
    :math:`\langle |u|^2 \rangle / 2`. Energy decays as :math:`k^{-2}` above :math:`k_0`, and the vorticity has the same
    share at all of these scales: a grid resolves it where it holds more than the modes that are drawn.

    Parameters
    ----------
    peak_wavenumber
        :math:`k_0`, in 1/length; on the length 2π wavenumbers are whole numbers.
    tau
        τ; the larger, the more of the energy is at small wavenumbers.
    energy
        Kinetic energy of each sample.
    n_frequencies
        The number of modes m = 1, 2, ... along each axis.

    References
    ----------
    McWilliams, J. Fluid Mech. 146 (1984) 21.
    """

    peak_wavenumber: float = 6.0
    tau: float = 1.0
    energy: float = 0.5
    n_frequencies: int = 32

    def __post_init__(self) -> None:
        if not all(0 < value < math.inf for value in (self.peak_wavenumber, self.tau, self.energy)):
            raise expected("a positive peak_wavenumber, tau and energy", self, "Correct them.")
        if self.n_frequencies < 1:
            raise expected("n_frequencies of at least 1", self.n_frequencies, "Use a larger one.")

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x y"]:
        """Return the vorticity of sample ``index`` of the ensemble ``seed`` on a periodic plane grid, float64.

        Raises
        ------
        InputError
            A grid that is not periodic, or not of two dimensions; a bad seed or index.
        """
        require_box(grid, 2)
        numbers = half_space(self.n_frequencies, 2)
        k = np.sqrt((wavevectors(numbers, *grid.lengths) ** 2).sum(axis=0))
        cosine, sine = generator(seed, index).standard_normal((numbers.shape[1], 2)).T
        stream = (cosine - 1j * sine) / np.sqrt(k * (self.tau**2 + (k / self.peak_wavenumber) ** 4))
        drawn = (abs(k * stream) ** 2).sum() / 4  # half of the mean squares, one half of each coefficient's
        return torch.from_numpy(plane_waves(numbers, math.sqrt(self.energy / drawn) * k**2 * stream, grid))[None]
