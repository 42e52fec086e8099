r"""The entire functions of which exponential integrators make their coefficients, without cancellation near zero.

They are combinations of :math:`\varphi_k(z) = \sum_j z^j / (j + k)!`. In the unit disk, where their formulas lose their
digits, the series is summed.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import torch
from torch import Tensor

_TERMS = 18  # 1/19! is below the round-off of float64


def phi1(z: Tensor) -> Tensor:
    r"""Return :math:`\varphi_1 = (e^z - 1)/z`."""
    return _entire(z, (1, 0, 0), lambda z: torch.expm1(z) / z)


def phi2(z: Tensor) -> Tensor:
    r"""Return :math:`\varphi_2 = (e^z - 1 - z)/z^2`."""
    return _entire(z, (0, 1, 0), lambda z: (torch.expm1(z) - z) / z**2)


def simpson_first(z: Tensor) -> Tensor:
    r"""Return :math:`\varphi_1 - 3 \varphi_2 + 4 \varphi_3`, the first weight of an exponential Simpson's rule."""
    return _entire(z, (1, -3, 4), lambda z: (-4 - z + torch.exp(z) * (4 - 3 * z + z**2)) / z**3)


def simpson_middle(z: Tensor) -> Tensor:
    r"""Return :math:`4 \varphi_2 - 8 \varphi_3`, its middle weight."""
    return _entire(z, (0, 4, -8), lambda z: 4 * (2 + z + torch.exp(z) * (z - 2)) / z**3)


def simpson_last(z: Tensor) -> Tensor:
    r"""Return :math:`4 \varphi_3 - \varphi_2`, its last weight."""
    return _entire(z, (0, -1, 4), lambda z: (-4 - 3 * z - z**2 + torch.exp(z) * (4 - z)) / z**3)


def _entire(z: Tensor, weights: tuple[int, int, int], formula: Callable[[Tensor], Tensor]) -> Tensor:
    r"""Return the sum of ``weights`` times :math:`\varphi_1, \varphi_2, \varphi_3`; ``formula`` is that sum."""
    near = z.abs() < 1
    far = formula(torch.where(near, torch.ones_like(z), z))
    inner, series = z[near], torch.zeros_like(z[near])
    for j in reversed(range(_TERMS)):
        series = series * inner + sum(weight / factorial(j + k) for k, weight in enumerate(weights, start=1))
    return far.masked_scatter(near, series)
