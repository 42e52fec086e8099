"""Sums of a few sine waves."""

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
from surrogate.solvers.initial.modes import plane_waves, require_box
from surrogate.solvers.random_streams import generator


@dataclass(frozen=True)
class SineWaves(Distribution):
    r"""The sum :math:`u(x) = \sum_{j=1}^J A_j \sin(2 \pi m_j x / L + \varphi_j)` on a periodic interval.

    The wave numbers :math:`m_j` are drawn from 1, ..., M with repetition, the amplitudes from [0, ``amplitude``], the
    phases from [0, 2π], each uniformly.

    Parameters
    ----------
    n_waves
        J, the number of waves.
    n_frequencies
        M, the largest number of periods on the interval.
    amplitude
        Largest amplitude of a wave.

    Notes
    -----
    The defaults are the initial states of the one-dimensional problems of PDEBench (arXiv 2210.07182), before the
    absolute values and windows that it applies to some; its period is longer than the interval by one grid spacing,
    here it is the interval.
    """

    n_waves: int = 2
    n_frequencies: int = 4
    amplitude: float = 1.0

    def __post_init__(self) -> None:
        if min(self.n_waves, self.n_frequencies) < 1:
            got = (self.n_waves, self.n_frequencies)
            raise expected("n_waves and n_frequencies of at least 1", got, "Use larger ones.")
        if not 0 < self.amplitude < math.inf:
            raise expected("a positive amplitude", self.amplitude, "Correct `amplitude`.")

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x"]:
        """Return sample ``index`` of the ensemble ``seed`` on a periodic grid of one dimension, float64.

        Raises
        ------
        InputError
            Another grid, or a seed or index that is negative or above 2^64 - 1.
        """
        require_box(grid, 1)
        rng = generator(seed, index)
        numbers = rng.integers(1, self.n_frequencies, size=self.n_waves, endpoint=True)
        amplitudes = rng.uniform(0, self.amplitude, self.n_waves)
        phases = rng.uniform(0, 2 * np.pi, self.n_waves) - np.pi / 2 + np.pi * numbers  # waves start at the low end
        coefficients = np.zeros(self.n_frequencies, dtype=np.complex128)
        np.add.at(coefficients, numbers - 1, amplitudes * np.exp(1j * phases))
        modes = np.arange(1, self.n_frequencies + 1)[None]
        return torch.from_numpy(plane_waves(modes, coefficients, grid))[None]
