"""Gaussian random fields on a periodic interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grid import Grid
from surrogate.solvers.initial.random_field import RandomField
from surrogate.solvers.random_streams import generator


@dataclass(frozen=True)
class GaussianRandomField(RandomField):
    r"""The Gaussian random field :math:`N(0, \sigma^2 (-\Delta + \tau^2)^{-\gamma})` on a periodic interval, zero mean.

    .. math::
        u(x) = \sum_{m=1}^{M} \lambda_m (\xi_m \cos k_m y + \eta_m \sin k_m y), \quad
        \lambda_m = \sqrt{2/L}\, \sigma (k_m^2 + \tau^2)^{-\gamma/2}, \quad k_m = 2 \pi m / L, \quad y = x - x_0 - L/2

    on :math:`[x_0, x_0 + L)` with standard normal :math:`\xi_m, \eta_m`, which a generator keyed by ``(seed, index)``
    draws in the order of m: a sample depends neither on its batch nor on the process that draws it, it is the same
    function at every resolution, and a larger M only adds modes. A grid of n points receives the modes ``m < n / 2``.

    Parameters
    ----------
    gamma
        Smoothness; the amplitude of mode m decays as :math:`m^{-\gamma}`.
    tau
        Inverse length below which the spectrum is flat.
    sigma
        Amplitude.
    n_frequencies
        M, the number of modes m = 1, 2, ...

    Notes
    -----
    The defaults are those of the script that belongs to the Fourier neural operator (arXiv 2010.08895), with point-wise
    standard deviation 0.274 for L = 1; its paper states another field: `paper`, with 0.594.
    """

    gamma: float = 2.5
    tau: float = 7.0
    sigma: float = 49.0
    n_frequencies: int = 128

    @classmethod
    def paper(cls, n_frequencies: int = 128) -> GaussianRandomField:
        r"""Return :math:`N(0, 625 (-\Delta + 25)^{-2})`, the field stated in arXiv 2010.08895."""
        return cls(gamma=2.0, tau=5.0, sigma=25.0, n_frequencies=n_frequencies)

    def amplitudes(self, length: float = 1.0) -> np.ndarray:
        """Return the standard deviations of the coefficients of the modes 1, ..., M on an interval of that length."""
        wavenumber: np.ndarray = 2 * np.pi / length * np.arange(1, self.n_frequencies + 1)
        return math.sqrt(2 / length) * self.sigma * (wavenumber**2 + self.tau**2) ** (-self.gamma / 2)

    def standard_deviation(self, length: float = 1.0) -> float:
        """Return the point-wise standard deviation on an interval of that length."""
        return float(np.linalg.norm(self.amplitudes(length)))

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x"]:
        """Return sample ``index`` of the ensemble ``seed`` on a periodic grid of one dimension, float64.

        Raises
        ------
        InputError
            Another grid, or a seed or index that is negative or above 2^64 - 1.
        """
        if grid.dim != 1 or not grid.is_periodic[0] or not grid.is_uniform[0]:
            raise expected("a uniform periodic grid of one dimension", grid, "Use Grid((n,), periodic=True).")
        (n,) = grid.shape
        m = np.arange(1, min(self.n_frequencies, (n - 1) // 2) + 1)
        cosine, sine = generator(seed, index).standard_normal((self.n_frequencies, 2))[: m.size].T
        first = 0.5 / n if grid.location == "cell" else 0.0
        shift = np.exp(2j * np.pi * m * (first - 0.5))
        modes = np.zeros(n // 2 + 1, dtype=np.complex128)
        modes[m] = n / 2 * self.amplitudes(grid.lengths[0])[: m.size] * (cosine - 1j * sine) * shift
        return torch.from_numpy(np.fft.irfft(modes, n))[None]
