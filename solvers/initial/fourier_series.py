"""Truncated Fourier series with random coefficients."""

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
from surrogate.solvers.initial.modes import half_space, plane_waves, require_box
from surrogate.solvers.random_streams import generator

_POINTS_PER_WAVE = 32


@dataclass(frozen=True)
class FourierSeries(Distribution):
    r"""The series :math:`u(x) = c + \Re \sum_m a_m e^{i k_m \cdot x}`, with a flat spectrum up to a last mode.

    All modes with :math:`0 < \max_i |m_i| \le M` have independent normal coefficients of one variance; c is uniform. A
    sample is scaled so that its largest absolute value without c is ``maximum``, found on a grid of 32 points for each
    of the shortest waves: another grid may hold values that are larger by up to 0.5 % in one dimension.

    Parameters
    ----------
    n_frequencies
        M, the number of modes m = 1, 2, ... along each axis.
    maximum
        Largest absolute value of each sample; None leaves them unscaled, with point-wise standard deviation 1.
    offset
        The mean c is drawn from [-offset, offset].

    Notes
    -----
    The defaults are the initial states ``fourier;5;true;true`` of APEBench (arXiv 2411.00180): five modes, zero mean,
    maximum one.
    """

    n_frequencies: int = 5
    maximum: float | None = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.n_frequencies < 1:
            raise expected("n_frequencies of at least 1", self.n_frequencies, "Use a larger one.")
        if self.maximum is not None and not 0 < self.maximum < math.inf:
            raise expected("a positive maximum", self.maximum, "Correct `maximum`, or use None for samples as drawn.")
        if not 0 <= self.offset < math.inf:
            raise expected("an offset of at least 0", self.offset, "Correct `offset`.")

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x *space"]:
        """Return sample ``index`` of the ensemble ``seed`` on a periodic grid, float64.

        Raises
        ------
        InputError
            A grid that is not periodic, or a seed or index that is negative or above 2^64 - 1.
        """
        require_box(grid, 1, 2, 3)
        rng, numbers = generator(seed, index), half_space(self.n_frequencies, grid.dim)
        mean = rng.uniform(-self.offset, self.offset)
        cosine, sine = rng.standard_normal((numbers.shape[1], 2)).T
        coefficients = (cosine - 1j * sine) / math.sqrt(numbers.shape[1])
        if self.maximum is not None:
            fine = Grid((_POINTS_PER_WAVE * self.n_frequencies,) * grid.dim, periodic=True)
            coefficients *= self.maximum / np.abs(plane_waves(numbers, coefficients, fine)).max()
        return torch.from_numpy(mean + plane_waves(numbers, coefficients, grid))[None]
