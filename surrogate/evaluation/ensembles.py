"""Ensembles of predictions, and intervals, beside what came about.

Members lie along the first axis. Everything is accumulated in float64; what is not finite scores infinity.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.evaluation.metrics import Frames, PerFrame, guarded, weights_on

Ensemble = Float[Tensor, "member sample time channel *space"]
Shares = Float[Tensor, "time channel"]


def crps(members: Ensemble, target: Frames, grid: Grid | None = None, *, fair: bool = False) -> PerFrame:
    r"""Return the continuous ranked probability score, the mean over space, in the unit of the field.

    .. math:: \int (F(x) - [x \ge t])^2\, dx
              = \frac{1}{M} \sum_i |x_i - t| - \frac{1}{2 M^2} \sum_{i, j} |x_i - x_j|

    for the distribution function F of the M members (Gneiting & Raftery, J. Am. Stat. Assoc. 102 (2007) 359). Of one
    member it is the mean absolute error.

    Parameters
    ----------
    members, target
        Predictions, and what came about.
    grid
        Weights its points where its axes are stretched.
    fair
        Divide the second sum by :math:`2 M (M - 1)`: the expected score of a member drawn from the same distribution
        does not depend on M then (Ferro, Q. J. R. Meteorol. Soc. 140 (2014) 1917). Needs two members.

    Raises
    ------
    InputError
        Shapes that do not fit, a target that is not finite, one member for the fair score.
    """
    x, t = _checked(members, target, fewest=2 if fair else 1)
    count = len(x)
    ordered = x.sort(dim=0).values
    rank = torch.arange(1, count + 1, dtype=torch.float64, device=x.device).reshape(-1, *[1] * (x.ndim - 1))
    # sum_ij |x_i - x_j| = 2 sum_r (2 r - M - 1) x_(r); relative to t, so that no digits are lost
    pairs = 2 * ((2 * rank - count - 1) * (ordered - t)).sum(0)
    spread = pairs / (2 * count * (count - 1 if fair else count))
    return _mean(x, (x - t).abs().mean(0) - spread, grid)


def coverage(lower: Frames, upper: Frames, target: Frames, grid: Grid | None = None) -> PerFrame:
    """Return the share of the points that lie in the interval, ends included; an interval with NaN covers nothing."""
    _, t = _checked(torch.stack([lower, upper]), target, fewest=2)
    inside = ((lower.double() <= t) & (t <= upper.double())).double()
    return (inside * weights_on(grid)).mean(dim=_space(t))


def interval_width(lower: Frames, upper: Frames, grid: Grid | None = None) -> PerFrame:
    """Return the mean width of the interval over space, in the unit of the field.

    Raises
    ------
    InputError
        A lower end above the upper one.
    """
    if bool((lower > upper).any()):
        raise expected("lower ends below the upper ones", "some above", "Give (lower, upper) in this order.")
    ends = torch.stack([lower, upper]).double()
    return _mean(ends, ends[1] - ends[0], grid)


def spread_and_skill(members: Ensemble, target: Frames, grid: Grid | None = None) -> tuple[Shares, Shares]:
    r"""Return the spread of the ensemble and the root-mean-square error of its mean, over samples and space.

    .. math:: \text{spread}^2 = \frac{M + 1}{M} \Big\langle \frac{1}{M - 1} \sum_i (x_i - \bar x)^2 \Big\rangle

    With the first factor both are equal where truth and members are drawn from one distribution, whatever M (Fortin et
    al., J. Hydrometeorol. 15 (2014) 1708): a spread below the error is overconfident.

    Raises
    ------
    InputError
        Fewer than two members, and as `crps`.
    """
    x, t = _checked(members, target, fewest=2)
    factor = (len(x) + 1) / len(x)
    spread = _mean(x, factor * x.var(dim=0, correction=1), grid)
    skill = _mean(x, (x.mean(0) - t).square(), grid)
    return spread.mean(0).sqrt(), skill.mean(0).sqrt()


def _checked(members: Tensor, target: Tensor, *, fewest: int) -> tuple[Tensor, Tensor]:
    if members.shape[1:] != target.shape or len(members) < fewest:
        got = f"{tuple(members.shape)} for a target {tuple(target.shape)}"
        do = "Stack predictions of the same samples, times and points along a first axis."
        raise expected(f"at least {fewest} member{'s' if fewest > 1 else ''} of the shape of the target", got, do)
    if not bool(torch.isfinite(target).all()):
        raise expected("a finite target", "values that are not finite", "Repair the truth.")
    return members.double(), target.double()


def _mean(members: Tensor, values: Tensor, grid: Grid | None) -> Tensor:
    """Return the mean of ``values`` over space; infinite where a member is not finite."""
    space = _space(values)
    broken = ~torch.isfinite(members).all(dim=0)
    held = torch.where(broken, torch.zeros_like(values), values)
    mean = (held * weights_on(grid)).mean(dim=space)
    return guarded(mean, torch.where(broken, torch.nan, 0.0), space)


def _space(values: Tensor) -> list[int]:
    return list(range(3, values.ndim))
