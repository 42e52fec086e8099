r"""Exponential time differencing Runge-Kutta schemes for :math:`v_t = L v + N(v)` with a diagonal :math:`L`."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]

# In the unit disk the formulas lose their digits; a circle of radius 2 around a point of it keeps clear of the origin.
_RADIUS = 2.0
_POINTS = 32
_CIRCLE = [_RADIUS * cmath.exp(2j * math.pi * (j + 0.5) / _POINTS) for j in range(_POINTS)]


class ETDRK4(NamedTuple):
    r"""The fourth-order scheme of Cox & Matthews with the stable coefficients of Kassam & Trefethen.

    With :math:`z = h L` one step of :math:`v_t = L v + N(v)` is, in increment form,

    .. math::
        a &= v + (e^{z/2} - 1) v + q N(v) \\
        b &= v + (e^{z/2} - 1) v + q N(a) \\
        c &= a + (e^{z/2} - 1) a + q (2 N(b) - N(v)) \\
        v_+ &= v + (e^z - 1) v + f_1 N(v) + f_2 (N(a) + N(b)) + f_3 N(c)

    Adding :math:`(e^z - 1) v` to :math:`v` instead of multiplying by :math:`e^z` keeps the round-off of float32
    from growing with the number of steps. The fields of this tuple are the coefficients, broadcast against ``v``.

    References
    ----------
    Cox & Matthews, J. Comput. Phys. 176 (2002) 430; Kassam & Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214.

    Examples
    --------
    >>> decay = ETDRK4.of(torch.tensor([-1.0], dtype=torch.float64), 0.1)
    >>> round(decay(torch.ones(1, dtype=torch.float64), torch.zeros_like).item(), 12) == round(math.exp(-0.1), 12)
    True
    """

    half_growth: Tensor  # e^{z/2} - 1
    growth: Tensor  # e^z - 1
    half: Tensor  # q
    first: Tensor  # f_1
    middle: Tensor  # f_2
    last: Tensor  # f_3

    @classmethod
    def of(cls, symbol: Tensor, step: float) -> ETDRK4:
        """Return the coefficients for the diagonal of L, ``symbol`` (float64 or complex128), and the time step.

        They are computed on the host, real for a real symbol and differentiable with respect to it.
        """
        z = step * symbol.to("cpu", torch.complex128 if symbol.is_complex() else torch.float64)
        return cls(
            half_growth=torch.expm1(z / 2),
            growth=torch.expm1(z),
            half=step / 2 * _stable(_half, z / 2),
            first=step * _stable(_first, z),
            middle=step * _stable(_middle, z),
            last=step * _stable(_last, z),
        )

    def to(self, device: torch.device, dtype: torch.dtype) -> ETDRK4:
        """Return the coefficients on ``device``, cast to the precision of the real ``dtype``."""
        return ETDRK4(*(c.to(device, dtype.to_complex() if c.is_complex() else dtype) for c in self))

    def __call__(self, v: Tensor, nonlinear: Function) -> Tensor:
        """Return the state one step after ``v``."""
        start = nonlinear(v)
        drift = v + self.half_growth * v
        a = drift + self.half * start
        at_a = nonlinear(a)
        b = drift + self.half * at_a
        at_b = nonlinear(b)
        c = a + self.half_growth * a + self.half * (2 * at_b - start)
        increment = self.first * start + self.middle * (at_a + at_b) + self.last * nonlinear(c)
        return v + (self.growth * v + increment)


def _half(z: Tensor) -> Tensor:
    return torch.expm1(z) / z


def _first(z: Tensor) -> Tensor:
    return (-4 - z + torch.exp(z) * (4 - 3 * z + z**2)) / z**3


def _middle(z: Tensor) -> Tensor:
    return 2 * (2 + z + torch.exp(z) * (z - 2)) / z**3


def _last(z: Tensor) -> Tensor:
    return (-4 - 3 * z - z**2 + torch.exp(z) * (4 - z)) / z**3


def _stable(formula: Function, z: Tensor) -> Tensor:
    """Evaluate an entire function whose formula cancels near zero: there as the mean over a circle around ``z``."""
    near = z.abs() < 1
    direct = formula(torch.where(near, torch.ones_like(z), z))
    center = torch.where(near, z, torch.zeros_like(z)).to(torch.complex128)
    mean = torch.zeros_like(center)
    for point in _CIRCLE:
        mean = mean + formula(center + point) / _POINTS
    return torch.where(near, mean if z.is_complex() else mean.real, direct)
