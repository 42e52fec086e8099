"""Random velocities around one wavenumber."""

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

_VARIANCE = 0.25
_POINTS_PER_WAVE = 4


@dataclass(frozen=True)
class FilteredVelocity(Distribution):
    r"""White noise with the filter of the log-normal density, without divergence, scaled to a largest speed.

    Each component of the velocity is white noise whose modes are multiplied by :math:`p(k) / k^{d - 1}`, with the
    density p in :math:`k = |k_m|` of mode :math:`k_p` and of variance 1/4 in :math:`\log k`; then the field is
    projected on fields without divergence and scaled.

    Parameters
    ----------
    maximum_velocity
        Largest speed of each sample, found on a grid of 4 points for each of the shortest waves.
    peak_wavenumber
        :math:`k_p`, in 1/length; on the length 2π wavenumbers are whole numbers.
    n_frequencies
        The number of modes m = 1, 2, ... along each axis.

    Notes
    -----
    The defaults are those of the Kolmogorov flows of Kochkov et al., PNAS 118 (2021) e2101784118 (arXiv 2102.01010).
    """

    maximum_velocity: float = 7.0
    peak_wavenumber: float = 4.0
    n_frequencies: int = 64

    def __post_init__(self) -> None:
        if not (0 < self.maximum_velocity < math.inf and 0 < self.peak_wavenumber < math.inf):
            raise expected("a positive maximum_velocity and peak_wavenumber", self, "Correct them.")
        if self.n_frequencies < 1:
            raise expected("n_frequencies of at least 1", self.n_frequencies, "Use a larger one.")

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "dim x *space"]:
        """Return the velocity of sample ``index`` of the ensemble ``seed`` on a periodic grid, float64.

        Raises
        ------
        InputError
            A grid that is not periodic, or not of two or three dimensions; a bad seed or index.
        """
        require_box(grid, 2, 3)
        numbers = half_space(self.n_frequencies, grid.dim)
        k = wavevectors(numbers, *grid.lengths)
        modulus = np.sqrt((k**2).sum(axis=0))
        cosine, sine = generator(seed, index).standard_normal((numbers.shape[1], 2, grid.dim)).transpose(1, 2, 0)
        noise = self.filter(modulus, grid.dim) * (cosine - 1j * sine)
        velocity = noise - k * (k * noise).sum(axis=0) / modulus**2
        fine = Grid((_POINTS_PER_WAVE * self.n_frequencies,) * grid.dim, periodic=True)
        fastest = np.sqrt((plane_waves(numbers, velocity, fine) ** 2).sum(axis=0).max())
        return torch.from_numpy(plane_waves(numbers, self.maximum_velocity / fastest * velocity, grid))

    def filter(self, wavenumber: np.ndarray, dim: int) -> np.ndarray:
        """Return what multiplies the noise, up to a factor."""
        distance = np.log(wavenumber / self.peak_wavenumber) - _VARIANCE
        values: np.ndarray = np.exp(-(distance**2) / (2 * _VARIANCE)) / wavenumber**dim
        return values
