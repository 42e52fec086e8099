"""Gaussian random fields on a box, by cosines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.axes import Axis
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial.random_field import RandomField
from surrogate.solvers.random_streams import generator


@dataclass(frozen=True)
class NeumannRandomField(RandomField):
    r"""The field :math:`N(0, \sigma^2 (-\Delta + \tau^2)^{-\gamma})` on a box with Neumann sides, of zero mean.

    .. math::
        \psi(x) = \sum_{m \ne 0} \sigma (|k_m|^2 + \tau^2)^{-\gamma/2} \xi_m
        \prod_i \sqrt{(2 - \delta_{m_i 0}) / L_i} \cos(k_{m_i} (x_i - a_i)), \quad k_{m_i} = \pi m_i / L_i

    over all :math:`m_i < M`, with standard normal :math:`\xi_m`, which a generator keyed by ``(seed, index)`` draws in
    the order of :math:`\max_i m_i`: a sample depends neither on its batch nor on the process that draws it, a larger M
    only adds modes, and any grid of the box receives the values of one function, whatever its resolution.

    Parameters
    ----------
    gamma
        Smoothness; the amplitude of mode m decays as :math:`|m|^{-\gamma}`.
    tau
        Inverse length below which the spectrum is flat.
    sigma
        Amplitude.
    n_frequencies
        M, the number of modes along each axis, with the constant one.

    Notes
    -----
    The defaults are those of the permeability in arXiv 2010.08895, whose scripts draw on a grid of M cells along each
    axis, and another function on each grid.
    """

    gamma: float = 2.0
    tau: float = 3.0
    sigma: float = 3.0
    n_frequencies: int = 128

    fewest: ClassVar[int] = 2  # the constant one is among them

    def amplitudes(self, *lengths: float) -> np.ndarray:
        """Return the standard deviations of the coefficients of the modes, ``(M, ...)``, on a box of these lengths."""
        axes = [np.pi * np.arange(self.n_frequencies) / length for length in lengths]
        squared = sum(k**2 for k in np.meshgrid(*axes, indexing="ij", sparse=True)) + self.tau**2
        amplitudes: np.ndarray = self.sigma * squared ** (-self.gamma / 2)
        amplitudes.flat[0] = 0.0
        return amplitudes

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x *space"]:
        """Return sample ``index`` of the ensemble ``seed`` at the points of a grid that is not periodic, float64.

        Raises
        ------
        InputError
            A periodic grid or none, or a seed or index that is negative or above 2^64 - 1.
        """
        if not grid.dim or any(grid.is_periodic):
            raise expected(
                "a grid on a box that is not periodic", grid, "Leave `periodic` out, or use GaussianRandomField."
            )
        drawn = generator(seed, index).standard_normal(self.n_frequencies**grid.dim)
        values = np.empty_like(drawn)
        values[_by_shells(self.n_frequencies, grid.dim)] = drawn
        values = values.reshape((self.n_frequencies,) * grid.dim) * self.amplitudes(*grid.lengths)
        for axis in grid.parts:  # each takes the first axis of modes and puts its points last
            values = np.tensordot(values, _cosines(axis, self.n_frequencies), axes=(0, 0))
        return torch.from_numpy(values)[None]


def _by_shells(count: int, dim: int) -> np.ndarray:
    """Return the places of the modes in the order of their largest number; for fewer modes it begins the same."""
    numbers = np.indices((count,) * dim).reshape(dim, -1)
    return np.lexsort((*numbers[::-1], numbers.max(axis=0)))


def _cosines(axis: Axis, count: int) -> np.ndarray:
    """Return the orthonormal modes ``(count, points)`` of an axis."""
    modes = np.cos(np.pi / axis.length * np.outer(np.arange(count), axis.points - axis.low))
    modes *= math.sqrt(2 / axis.length)
    modes[0] /= math.sqrt(2)
    return modes
