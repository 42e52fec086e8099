"""Steady forcings of plane flows: the curl of a body force, as a function that any grid samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.grids.grid import Grid


@dataclass(frozen=True)
class KolmogorovForcing:
    r"""The curl of the body force :math:`A \sin(k y)` along x: :math:`g = -A k \cos(k y)`.

    Literature, on a box of length 2π: Kochkov et al., arXiv 2102.01010, and APEBench have wavenumber 4 and amplitude 1;
    FactFormer, arXiv 2305.17560, wavenumber 8; Li et al., arXiv 2106.06898, wavenumber 4.

    Parameters
    ----------
    wavenumber
        Number of periods along y.
    amplitude
        Amplitude A of the force, in length/time².

    Examples
    --------
    >>> g = KolmogorovForcing(wavenumber=4)(Grid((8, 8), extent=(2 * math.pi, 2 * math.pi), periodic=True))
    >>> g[0].round(decimals=9).tolist()
    [-4.0, 4.0, -4.0, 4.0, -4.0, 4.0, -4.0, 4.0]
    """

    wavenumber: int = 4
    amplitude: float = 1.0

    def __call__(self, grid: Grid) -> Float[Tensor, "x y"]:
        """Return g at the points of the grid, float64."""
        k = 2 * math.pi * self.wavenumber / grid.lengths[1]
        return (-self.amplitude * k * torch.cos(k * torch.as_tensor(grid.axes[1]))).repeat(grid.shape[0], 1)


@dataclass(frozen=True)
class DiagonalForcing:
    r"""The forcing :math:`g = A (\sin 2\pi(x + y) + \cos 2\pi(x + y))`, with x and y in units of the box.

    With A = 0.1 on the unit square that of the Navier-Stokes data of Li et al., arXiv 2010.08895.

    Parameters
    ----------
    amplitude
        Amplitude A, in 1/time².
    """

    amplitude: float = 0.1

    def __call__(self, grid: Grid) -> Float[Tensor, "x y"]:
        """Return g at the points of the grid, float64."""
        x, y = (torch.as_tensor(axis) / length for axis, length in zip(grid.axes, grid.lengths, strict=True))
        angle = 2 * math.pi * (x[:, None] + y)
        return self.amplitude * (angle.sin() + angle.cos())


Forcing = KolmogorovForcing | DiagonalForcing
