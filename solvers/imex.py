r"""Implicit-explicit Runge-Kutta schemes for :math:`v_t = L v + N(v)` with a diagonal :math:`L`.

L is implicit, N explicit. With :math:`z = h L` stage i is

.. math:: U_i = v + \frac{z (\gamma v + \sum_{j<i} a_{ij} U_j) + h \sum_{j<i} \hat a_{ij} N(U_j)}{1 - \gamma z},

and the last stage is the new state: stiff modes are damped at any step. One :math:`\gamma` serves all stages, so that
there are two coefficients, against six of `ETDRK4`: less memory where a grid is large, and little to compute where
constants differ by sample. At equal error they cost more than exponential schemes.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from surrogate.solvers.etdrk import Function, exponents

Rows = tuple[tuple[float, ...], ...]


class _Coefficients(NamedTuple):
    damping: Tensor  # z / (1 - gamma z)
    inverse: Tensor  # h / (1 - gamma z)


class ImplicitExplicit(_Coefficients):
    """A scheme with the stages of this module; a subclass states its coefficients."""

    gamma: ClassVar[float]
    implicit: ClassVar[Rows]  # a_ij for j < i, the stages after the state itself
    explicit: ClassVar[Rows]

    @classmethod
    def of(cls, symbol: Tensor, step: float) -> ImplicitExplicit:
        """Return the coefficients for the diagonal of L (float64 or complex128) and the step, computed on the host."""
        z = exponents(symbol, step)
        denominator = 1 - cls.gamma * z
        return cls(z / denominator, step / denominator)

    def __call__(self, v: Tensor, nonlinear: Function) -> Tensor:
        """Return the state one step after ``v``."""
        stages, terms = [v], [nonlinear(v)]
        for implicit, explicit in zip(self.implicit, self.explicit, strict=True):
            drift = _combined(stages, (self.gamma + implicit[0], *implicit[1:]))
            stages.append((self.damping * drift).addcmul_(self.inverse, _combined(terms, explicit)).add_(v))
            if len(stages) <= len(self.explicit):
                terms.append(nonlinear(stages[-1]))
        return stages[-1]


class ARS222(ImplicitExplicit):
    """The second-order scheme (2, 2, 2), with two evaluations of N in a step.

    References
    ----------
    Ascher, Ruuth & Spiteri, Applied Numerical Mathematics 25 (1997) 151, section 2.6.
    """

    gamma = 1 - math.sqrt(0.5)
    implicit = ((0.0,), (0.0, math.sqrt(0.5)))
    explicit = ((gamma,), (1 - 1 / (2 * gamma), 1 / (2 * gamma)))


class ARS443(ImplicitExplicit):
    """The third-order scheme (4, 4, 3), with four evaluations of N in a step.

    References
    ----------
    Ascher, Ruuth & Spiteri, Applied Numerical Mathematics 25 (1997) 151, section 2.8.
    """

    gamma = 0.5
    implicit = ((0.0,), (0.0, 1 / 6), (0.0, -0.5, 0.5), (0.0, 1.5, -1.5, 0.5))
    explicit = ((0.5,), (11 / 18, 1 / 18), (5 / 6, -5 / 6, 0.5), (0.25, 1.75, 0.75, -1.75))


def _combined(tensors: list[Tensor], weights: tuple[float, ...]) -> Tensor:
    """Return the sum of tensors times weights."""
    total = weights[0] * tensors[0]
    for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
        total = torch.add(total, tensor, alpha=weight)
    return total
