"""Sums of Gaussian blobs."""

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
from surrogate.solvers.initial.modes import require_box
from surrogate.solvers.random_streams import generator

_IMAGES = np.arange(-3, 4)


@dataclass(frozen=True)
class GaussianBlobs(Distribution):
    r"""The sum :math:`u(x) = \sum_j A_j \sum_n e^{-|x - x_j - n L|^2 / 2 s_j^2}` on a periodic box.

    Centers are uniform in the box, and so are amplitudes and widths between their bounds.

    Parameters
    ----------
    n_blobs
        Number of blobs.
    width
        Smallest and largest s, as shares of the shortest side of the box.
    amplitude
        Smallest and largest A.
    """

    n_blobs: int = 1
    width: tuple[float, float] = (0.05, 0.1)
    amplitude: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        if self.n_blobs < 1:
            raise expected("n_blobs of at least 1", self.n_blobs, "Use more.")
        if not 0 < self.width[0] <= self.width[1] <= 0.3:
            do = "Widths are shares of the shortest side; wider blobs are almost constant."
            raise expected("a range of widths above 0 and up to 0.3", self.width, do)
        if not -math.inf < self.amplitude[0] <= self.amplitude[1] < math.inf:
            raise expected("a range of amplitudes", self.amplitude, "Correct `amplitude`.")

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x *space"]:
        """Return sample ``index`` of the ensemble ``seed`` on a periodic grid, float64.

        Raises
        ------
        InputError
            A grid that is not periodic, or a seed or index that is negative or above 2^64 - 1.
        """
        require_box(grid, 1, 2, 3)
        rng = generator(seed, index)
        u = np.zeros(grid.shape)
        for _ in range(self.n_blobs):
            center = rng.uniform(size=grid.dim)
            width = rng.uniform(*self.width) * min(grid.lengths)
            blob = np.array(rng.uniform(*self.amplitude))
            for points, (low, _), length, place in zip(grid.axes, grid.extent, grid.lengths, center, strict=True):
                distance = points[:, None] - low - length * (place + _IMAGES)
                blob = blob[..., None] * np.exp(-(distance**2) / (2 * width**2)).sum(axis=1)
            u += blob
        return torch.from_numpy(u)[None]
