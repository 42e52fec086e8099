r"""Exponential time differencing Runge-Kutta schemes for :math:`v_t = L v + N(v)` with a diagonal :math:`L`.

The fields of a scheme are its coefficients, broadcast against ``v``. With :math:`z = h L` every scheme adds
:math:`(e^z - 1) v` to :math:`v` instead of multiplying by :math:`e^z`: this keeps the round-off of float32 from growing
with the number of steps. What is updated in place is saved by no derivative, so that gradients flow through a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from surrogate.solvers.phi import phi1, phi2, simpson_first, simpson_last, simpson_middle

Function = Callable[[Tensor], Tensor]


class ETDRK1(NamedTuple):
    r"""The first-order scheme :math:`v_+ = v + (e^z - 1) v + h \varphi_1(z) N(v)`, also called exponential Euler.

    References
    ----------
    Cox & Matthews, J. Comput. Phys. 176 (2002) 430.
    """

    growth: Tensor  # e^z - 1
    start: Tensor  # h phi_1

    @classmethod
    def of(cls, symbol: Tensor, step: float) -> ETDRK1:
        """Return the coefficients for the diagonal of L (float64 or complex128) and the step, computed on the host."""
        z = exponents(symbol, step)
        return cls(torch.expm1(z), step * phi1(z))

    def __call__(self, v: Tensor, nonlinear: Function) -> Tensor:
        """Return the state one step after ``v``."""
        return (self.growth * v).addcmul_(self.start, nonlinear(v)).add_(v)


class ETDRK2(NamedTuple):
    r"""The second-order scheme of Cox & Matthews.

    .. math::
        a &= v + (e^z - 1) v + h \varphi_1(z) N(v) \\
        v_+ &= a + h \varphi_2(z) (N(a) - N(v))

    References
    ----------
    Cox & Matthews, J. Comput. Phys. 176 (2002) 430.
    """

    growth: Tensor  # e^z - 1
    start: Tensor  # h phi_1
    slope: Tensor  # h phi_2

    @classmethod
    def of(cls, symbol: Tensor, step: float) -> ETDRK2:
        """Return the coefficients for the diagonal of L (float64 or complex128) and the step, computed on the host."""
        z = exponents(symbol, step)
        return cls(torch.expm1(z), step * phi1(z), step * phi2(z))

    def __call__(self, v: Tensor, nonlinear: Function) -> Tensor:
        """Return the state one step after ``v``."""
        start = nonlinear(v)
        a = (self.growth * v).addcmul_(self.start, start).add_(v)
        return torch.addcmul(a, self.slope, nonlinear(a) - start)


class ETDRK3(NamedTuple):
    r"""The third-order scheme of Cox & Matthews.

    .. math::
        a &= v + (e^{z/2} - 1) v + q N(v) \\
        b &= v + (e^z - 1) v + h \varphi_1(z) (2 N(a) - N(v)) \\
        v_+ &= v + (e^z - 1) v + f_1 N(v) + 2 f_2 N(a) + f_3 N(b)

    References
    ----------
    Cox & Matthews, J. Comput. Phys. 176 (2002) 430.
    """

    half_growth: Tensor  # e^{z/2} - 1
    growth: Tensor  # e^z - 1
    half: Tensor  # q
    whole: Tensor  # h phi_1
    first: Tensor  # f_1
    middle: Tensor  # 2 f_2
    last: Tensor  # f_3

    @classmethod
    def of(cls, symbol: Tensor, step: float) -> ETDRK3:
        """Return the coefficients for the diagonal of L (float64 or complex128) and the step, computed on the host."""
        z = exponents(symbol, step)
        half_growth, half, first, middle, last = _halves_and_weights(z, step)
        return cls(half_growth, torch.expm1(z), half, step * phi1(z), first, middle, last)

    def __call__(self, v: Tensor, nonlinear: Function) -> Tensor:
        """Return the state one step after ``v``."""
        start = nonlinear(v)
        at_a = nonlinear(torch.addcmul(v, self.half_growth, v).addcmul_(self.half, start))
        drift = torch.addcmul(v, self.growth, v)
        at_b = nonlinear(torch.addcmul(drift, self.whole, at_a, value=2).addcmul_(self.whole, start, value=-1))
        increment = (self.first * start).addcmul_(self.middle, at_a).addcmul_(self.last, at_b)
        return increment.addcmul_(self.growth, v).add_(v)


class ETDRK4(NamedTuple):
    r"""The fourth-order scheme of Cox & Matthews with the stable coefficients of Kassam & Trefethen.

    .. math::
        a &= v + (e^{z/2} - 1) v + q N(v) \\
        b &= v + (e^{z/2} - 1) v + q N(a) \\
        c &= a + (e^{z/2} - 1) a + q (2 N(b) - N(v)) \\
        v_+ &= v + (e^z - 1) v + f_1 N(v) + f_2 (N(a) + N(b)) + f_3 N(c)

    References
    ----------
    Cox & Matthews, J. Comput. Phys. 176 (2002) 430; Kassam & Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214.

    Examples
    --------
    >>> decay = ETDRK4.of(torch.tensor([-1.0], dtype=torch.float64), 0.1)
    >>> round(decay(torch.ones(1, dtype=torch.float64), torch.zeros_like).item(), 6)  # e^-0.1
    0.904837
    """

    half_growth: Tensor  # e^{z/2} - 1
    growth: Tensor  # e^z - 1
    half: Tensor  # q
    first: Tensor  # f_1
    middle: Tensor  # f_2
    last: Tensor  # f_3

    @classmethod
    def of(cls, symbol: Tensor, step: float) -> ETDRK4:
        """Return the coefficients for the diagonal of L (float64 or complex128) and the step, computed on the host.

        They are real for a real symbol and differentiable with respect to it.
        """
        z = exponents(symbol, step)
        half_growth, half, first, middle, last = _halves_and_weights(z, step)
        return cls(half_growth, torch.expm1(z), half, first, middle / 2, last)

    def __call__(self, v: Tensor, nonlinear: Function) -> Tensor:
        """Return the state one step after ``v``."""
        start = nonlinear(v)
        drift = torch.addcmul(v, self.half_growth, v)
        a = torch.addcmul(drift, self.half, start)
        at_a = nonlinear(a)
        at_b = nonlinear(drift.addcmul_(self.half, at_a))
        c = (
            torch.addcmul(a, self.half_growth, a)
            .addcmul_(self.half, at_b, value=2)
            .addcmul_(self.half, start, value=-1)
        )
        increment = (self.first * start).addcmul_(self.middle, at_a + at_b).addcmul_(self.last, nonlinear(c))
        return increment.addcmul_(self.growth, v).add_(v)


def exponents(symbol: Tensor, step: float) -> Tensor:
    """Return z = hL in double precision, on the host."""
    return step * symbol.to("cpu", torch.complex128 if symbol.is_complex() else torch.float64)


def _halves_and_weights(z: Tensor, step: float) -> tuple[Tensor, ...]:
    """Return e^{z/2} - 1, q, and the weights that become those of Simpson's rule at zero."""
    weights = (step * simpson(z) for simpson in (simpson_first, simpson_middle, simpson_last))
    return torch.expm1(z / 2), step / 2 * phi1(z / 2), *weights
