"""Linear stability of the schemes with the coefficients of the nonlinear term frozen."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.schemes import Scheme
from surrogate.solvers.spectral import wavenumbers

_GROWTH = 1.001
_SAMPLES = 129
_FIRST = 0.02
_RATIO = 2**0.25


def largest_step(symbol: Tensor, rates: Tensor, scheme: type[Scheme]) -> float:
    r"""Return a step up to which a scheme is stable for :math:`v_t = L v + N(v)`.

    About a constant state N is multiplied out to a rate :math:`\rho(k)` for each mode. A step h is taken as stable if
    no mode grows by more than 0.1 % beyond what it does exactly, :math:`\max(1, |e^{h (L + \rho)}|)`. The tolerance
    matters for dispersive equations, whose modes all grow a little. Accuracy often asks for less. Steps are tried in
    ratios of :math:`2^{1/4}`, from :math:`0.02 / \max |\rho|`, at which even the first-order scheme for advection does
    not grow by more, to a million times that.

    Parameters
    ----------
    symbol, rates
        L and ρ on the modes, for several states along the first axis of ``rates``; float64 or complex128, on the host.
    """
    fastest = rates.abs().max().item()
    if fastest == 0:
        return math.inf
    step = _FIRST / fastest
    for _ in range(math.ceil(math.log(1e6, _RATIO))):
        if not _stable(symbol, rates, step * _RATIO, scheme):
            break
        step *= _RATIO
    return step


def _stable(symbol: Tensor, rates: Tensor, step: float, scheme: type[Scheme]) -> bool:
    start = torch.ones_like(symbol + rates, dtype=torch.complex128)
    factor = scheme.of(symbol, step)(start, lambda v: rates * v).abs()
    exact = (step * (symbol + rates).real).exp().clamp(min=1)
    return bool((factor <= _GROWTH * exact).all())


def advective_step(velocity: Tensor, grid: Grid, symbol: Callable[[Tensor], Tensor], scheme: type[Scheme]) -> float:
    r"""Return `largest_step` for :math:`u \cdot \nabla` and a symbol that depends on the modulus of the wavenumber.

    At a point with the velocity u the mode k turns at the rate :math:`|k \cdot u|`. No mode is less damped, by a symbol
    that falls, than one parallel to the fastest velocity that turns at the same rate; these are tried.

    Parameters
    ----------
    velocity
        Values ``(batch, dim, *space)``.
    symbol
        L for moduli of wavenumbers.
    """
    u = velocity.abs().movedim(1, -1).flatten(0, -2).to(torch.float64)
    last = torch.tensor([k.max() for k in wavenumbers(grid)], dtype=torch.float64, device=u.device)
    speed, rate = u.norm(dim=-1).max().item(), (u @ last).max().item()
    if speed == 0:
        return math.inf
    k = torch.linspace(0, rate / speed, _SAMPLES, dtype=torch.float64)
    return largest_step(symbol(k), -1j * speed * k, scheme)


def extremes(state: Tensor, reached: float = -math.inf) -> Tensor:
    """Return the least value of a state and the largest, or ``reached`` where that is more, on the host.

    They are stacked on the first axis and broadcast against the modes; ``reached`` is what a state may grow to.
    """
    least, largest = state.aminmax()
    return torch.stack([least, largest.clamp(min=reached)]).to("cpu", torch.float64).view(2, *[1] * (state.ndim - 1))
