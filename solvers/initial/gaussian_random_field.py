"""Gaussian random fields on a periodic box."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial.modes import half_space, plane_waves, require_box, wavevectors
from surrogate.solvers.initial.random_field import RandomField
from surrogate.solvers.random_streams import generator


@dataclass(frozen=True)
class GaussianRandomField(RandomField):
    r"""The Gaussian random field :math:`N(0, \sigma^2 (-\Delta + \tau^2)^{-\gamma})` on a periodic box, zero mean.

    .. math::
        u(x) = \sum_m \lambda_m (\xi_m \cos k_m \cdot y + \eta_m \sin k_m \cdot y), \quad
        \lambda_m = \sqrt{2/V}\, \sigma (|k_m|^2 + \tau^2)^{-\gamma/2}, \quad k_{m_i} = 2 \pi m_i / L_i

    on a box of volume V in one to three dimensions, y from its center, over one of each pair m and -m with
    :math:`0 < \max_i |m_i| \le M`. A generator keyed by ``(seed, index)`` draws the standard normal
    :math:`\xi_m, \eta_m` in the order of :math:`\max_i |m_i|`: a sample depends neither on its batch nor on the process
    that draws it, it is the same function at every resolution, and a larger M only adds modes. A grid of n points
    receives the modes :math:`|m_i| < n_i / 2`.

    Parameters
    ----------
    gamma
        Smoothness; the amplitude of mode m decays as :math:`|m|^{-\gamma}`.
    tau
        Inverse length below which the spectrum is flat.
    sigma
        Amplitude.
    n_frequencies
        M, the number of modes m = 1, 2, ... along each axis.

    Notes
    -----
    The defaults are those of the one-dimensional script that belongs to the Fourier neural operator (arXiv 2010.08895),
    with point-wise standard deviation 0.274 for L = 1; its paper states another field: `paper`, with 0.594. Vorticity
    in two dimensions: `navier_stokes`, `kolmogorov`.
    """

    gamma: float = 2.5
    tau: float = 7.0
    sigma: float = 49.0
    n_frequencies: int = 128

    @classmethod
    def paper(cls, n_frequencies: int = 128) -> GaussianRandomField:
        r"""Return :math:`N(0, 625 (-\Delta + 25)^{-2})`, the field stated in arXiv 2010.08895 for Burgers equation."""
        return cls(gamma=2.0, tau=5.0, sigma=25.0, n_frequencies=n_frequencies)

    @classmethod
    def navier_stokes(cls, n_frequencies: int = 128) -> GaussianRandomField:
        r"""Return the vorticity of arXiv 2010.08895 on the unit square, :math:`N(0, 7^3 (-\Delta + 49)^{-2.5})`.

        Its point-wise standard deviation is 0.185. The paper writes :math:`7^{3/2}` for the factor, which its script
        takes as the standard deviation.
        """
        return cls(gamma=2.5, tau=7.0, sigma=7.0**1.5, n_frequencies=n_frequencies)

    @classmethod
    def kolmogorov(cls, n_frequencies: int = 128) -> GaussianRandomField:
        r"""Return the vorticity from which Kolmogorov flows start in arXiv 2106.06898 and 2305.17560.

        The box is :math:`(0, 2 \pi)^2`. The spectrum is that of `navier_stokes` at the wavenumbers of this box, and the
        scripts do not divide by its area: the point-wise standard deviation is 1.44.
        """
        return cls(gamma=2.5, tau=7.0, sigma=2 * math.pi * 7.0**1.5, n_frequencies=n_frequencies)

    def amplitudes(self, *lengths: float) -> np.ndarray:
        """Return the standard deviations of the coefficients in the order of the modes, on a box of these lengths."""
        lengths = lengths or (1.0,)
        k = wavevectors(half_space(self.n_frequencies, len(lengths)), *lengths)
        spectrum: np.ndarray = ((k**2).sum(axis=0) + self.tau**2) ** (-self.gamma / 2)
        return math.sqrt(2 / math.prod(lengths)) * self.sigma * spectrum

    def standard_deviation(self, *lengths: float) -> float:
        """Return the point-wise standard deviation on a box of these lengths, by default the unit interval."""
        return float(np.linalg.norm(self.amplitudes(*lengths)))

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x *space"]:
        """Return sample ``index`` of the ensemble ``seed`` on a periodic grid, float64.

        Raises
        ------
        InputError
            A grid that is not periodic, or a seed or index that is negative or above 2^64 - 1.
        """
        require_box(grid, 1, 2, 3)
        numbers = half_space(self.n_frequencies, grid.dim)
        cosine, sine = generator(seed, index).standard_normal((numbers.shape[1], 2)).T
        coefficients = self.amplitudes(*grid.lengths) * (cosine - 1j * sine)
        return torch.from_numpy(plane_waves(numbers, coefficients, grid))[None]
