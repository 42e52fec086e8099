"""Solitons of the Korteweg-de Vries equation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial.distribution import Distribution
from surrogate.solvers.initial.modes import require_box
from surrogate.solvers.random_streams import generator


@dataclass(frozen=True)
class Solitons(Distribution):
    r"""Solitons of :math:`u_t + a (u^2/2)_x + \delta u_{xxx} = 0`, of different speeds, as they pass each other.

    .. math::
        u = \frac{12 \delta}{a} \partial_x^2 \log \tau, \quad
        \tau = \sum_S \prod_{i < j \in S} \Big( \frac{\kappa_i - \kappa_j}{\kappa_i + \kappa_j} \Big)^2
        \exp \sum_{i \in S} \kappa_i (x - x_i - c_i t), \quad \kappa_i = \sqrt{c_i / \delta}

    over all subsets S of the solitons. One alone is :math:`(3 c / a) \operatorname{sech}^2 (\kappa (x - x_1 - c t)/2)`.
    On a periodic interval this holds up to :math:`e^{-\kappa d}`, d being the distance to the opposite side of the
    interval.

    Parameters
    ----------
    speeds
        :math:`c_i > 0` (for δ > 0), each another.
    positions
        :math:`x_i` as fractions of the interval.
    spread
        Each speed is multiplied by a number drawn from [1 - spread, 1 + spread].
    shifted
        Move each sample by a random distance.
    convection, dispersion
        The coefficients a and δ of the equation.

    References
    ----------
    Hirota, Phys. Rev. Lett. 27 (1971) 1192.
    """

    speeds: tuple[float, ...] = (4.0,)
    positions: tuple[float, ...] = (0.5,)
    spread: float = 0.0
    shifted: bool = True
    convection: float = 6.0
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        if not self.speeds or len(self.speeds) != len(self.positions):
            raise expected("one position for each speed", (self.speeds, self.positions), "Give as many of both.")
        if self.convection == 0 or not all(0 < c / self.dispersion < math.inf for c in self.speeds):
            raise expected("speeds of the sign of the dispersion, and a convection", self, "Correct them.")
        if not 0 <= self.spread < 1:
            raise expected("a spread from 0 to 1", self.spread, "Use a smaller one.")
        increasing = sorted(abs(speed) for speed in self.speeds)
        if any(a * (1 + self.spread) >= b * (1 - self.spread) for a, b in pairwise(increasing)):
            raise expected("speeds that differ, also after the spread", self.speeds, "Part them, or lower `spread`.")

    def sample(self, grid: Grid, *, seed: int, index: int) -> Float[Tensor, "1 x"]:
        """Return sample ``index`` of the ensemble ``seed`` on a periodic grid of one dimension, float64.

        Raises
        ------
        InputError
            Another grid, or a seed or index that is negative or above 2^64 - 1.
        """
        return self.solution(grid, 0.0, seed=seed, index=index)

    def solution(self, grid: Grid, time: float, *, seed: int, index: int) -> Float[Tensor, "1 x"]:
        """Return what has become of a sample at a time, as long as no soliton has met one that came around."""
        require_box(grid, 1)
        rng = generator(seed, index)
        shift = rng.uniform() * self.shifted
        speeds = np.array(self.speeds) * rng.uniform(1 - self.spread, 1 + self.spread, len(self.speeds))
        length, middle = grid.lengths[0], sum(self.positions) / len(self.positions)
        kappa = np.sqrt(speeds / self.dispersion)
        frame = float(speeds.mean()) * time / length + shift + middle
        x = (grid.axes[0] - grid.extent[0][0]) / length - frame
        x = (x + 0.5) % 1 - 0.5 + frame - shift  # the interval around the solitons
        angles = [k * (length * (x - p) - c * time) for k, p, c in zip(kappa, self.positions, speeds, strict=True)]
        exponents, slopes = [np.zeros_like(x)], [0.0]
        for size in range(1, len(speeds) + 1):
            for some in combinations(range(len(speeds)), size):
                pairs = combinations(some, 2)
                weight = sum(2 * math.log(abs(kappa[i] - kappa[j]) / (kappa[i] + kappa[j])) for i, j in pairs)
                exponents.append(weight + sum(angles[i] for i in some))
                slopes.append(float(kappa[list(some)].sum()))
        shares = np.exp(np.array(exponents) - np.max(exponents, axis=0))
        shares /= shares.sum(axis=0)  # the second derivative of log tau is the variance of the slopes
        slope = np.array(slopes)[:, None]
        variance = (shares * (slope - (shares * slope).sum(axis=0)) ** 2).sum(axis=0)
        return torch.from_numpy(12 * self.dispersion / self.convection * variance)[None]
