"""Isotropic velocities of a given spectrum."""

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
class Rogallo(Distribution):
    r"""Velocities without divergence in three dimensions, of random phases and a fixed spectrum.

    .. math::
        \hat u(k) = A(k) (e^{i \theta_1} \cos \varphi \, e_1 + e^{i \theta_2} \sin \varphi \, e_2), \quad
        A^2 \propto E(k) / k^2, \quad E = (k / k_p)^2 \text{ up to } k_p, \; (k / k_p)^{-5/3} \text{ above}

    with :math:`e_1, e_2, k` at right angles and uniform real angles for each mode: all samples have the same energy in
    each mode.

    Parameters
    ----------
    energy
        Kinetic energy :math:`\langle |u|^2 \rangle / 2`.
    peak_wavenumber
        :math:`k_p`, in 1/length; on the length 2π wavenumbers are whole numbers.
    n_frequencies
        The number of modes m = 1, 2, ... along each axis.

    Notes
    -----
    The defaults are the energy, peak and modes of the isotropic turbulence of arXiv 2305.17560 on 60³ points. Its
    script puts :math:`E^{1/2}` in the place of E and imaginary numbers in that of the angles; this one does not.

    References
    ----------
    Rogallo, NASA TM 81315 (1981).
    """

    energy: float = 2.4
    peak_wavenumber: float = 3.0
    n_frequencies: int = 29

    def __post_init__(self) -> None:
        if not (0 < self.energy < math.inf and 0 < self.peak_wavenumber < math.inf):
            raise expected("a positive energy and peak_wavenumber", self, "Correct them.")
        if self.n_frequencies < 1:
            raise expected("n_frequencies of at least 1", self.n_frequencies, "Use a larger one.")

    def spectrum(self, wavenumber: np.ndarray) -> np.ndarray:
        """Return E(k), up to a factor."""
        ratio = wavenumber / self.peak_wavenumber
        values: np.ndarray = np.where(ratio <= 1, ratio**2, ratio ** (-5 / 3))
        return values

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "3 x y z"]:
        """Return the velocity of sample ``index`` of the ensemble ``seed`` on a periodic grid, float64.

        Raises
        ------
        InputError
            A grid that is not periodic, or not of three dimensions; a bad seed or index.
        """
        require_box(grid, 3)
        numbers = half_space(self.n_frequencies, 3)
        k = wavevectors(numbers, *grid.lengths)
        modulus = np.sqrt((k**2).sum(axis=0))
        amplitude = np.sqrt(self.spectrum(modulus)) / modulus
        amplitude *= math.sqrt(4 * self.energy / (amplitude**2).sum())  # a wave a cos has the energy a^2 / 4
        first, second, turn = generator(seed, index).uniform(0, 2 * np.pi, (numbers.shape[1], 3)).T
        one, other = _across(k / modulus)
        velocity = amplitude * (np.exp(1j * first) * np.cos(turn) * one + np.exp(1j * second) * np.sin(turn) * other)
        return torch.from_numpy(plane_waves(numbers, velocity, grid))


def _across(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two unit vectors at right angles to each other and to unit vectors ``(3, mode)``."""
    x, y, _ = direction
    upright = np.hypot(x, y) < 1e-12
    one = np.stack([np.where(upright, 1.0, y), np.where(upright, 0.0, -x), np.zeros_like(x)])
    one /= np.sqrt((one**2).sum(axis=0))
    return one, np.cross(direction, one, axis=0)
