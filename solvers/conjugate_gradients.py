"""Preconditioned conjugate gradients for a batch of systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Linear = Callable[[Tensor], Tensor]

_CHECK_EVERY = 4  # iterations on a GPU, where to ask whether all samples are done stops the queue


class Solution(NamedTuple):
    """The solutions of a batch, the number of iterations of each sample, and where these did not suffice."""

    values: Float[Tensor, "batch x *space"]
    iterations: Int[Tensor, " batch"]
    unfinished: Bool[Tensor, " batch"]


def conjugate_gradients(
    matrix: Linear,
    preconditioner: Linear,
    load: Float[Tensor, "batch x *space"],
    *,
    tolerance: float,
    max_iterations: int,
) -> Solution:
    r"""Solve :math:`A u = b` for symmetric positive definite A and M, sample by sample independent of the others.

    A sample is done where :math:`\|r\|_{M^{-1}} \le` ``tolerance`` :math:`\|b\|_{M^{-1}}`. If :math:`A` lies between
    :math:`\alpha M` and :math:`\beta M`, its relative error in the energy norm is then at most ``tolerance`` times
    :math:`\sqrt{\beta / \alpha}`; unlike that of the residual, this bound can be reached in single precision, too.

    Parameters
    ----------
    matrix, preconditioner
        The products with A and with :math:`M^{-1}`.
    load
        The right-hand sides b.
    tolerance, max_iterations
        When to stop, and when to give up.
    """
    check_every = 1 if load.device.type == "cpu" else _CHECK_EVERY
    per_sample = (-1, *(1,) * (load.ndim - 1))
    values, residual = torch.zeros_like(load), load.clone()
    correction = preconditioner(residual)
    direction = correction.clone()
    size = _products(residual, correction)
    goal = tolerance**2 * size
    iterations = torch.zeros(len(load), dtype=torch.int64, device=load.device)
    active = ~(size <= goal)  # so that NaN is never done
    for number in range(max_iterations):
        if number % check_every == 0 and not bool(active.any()):
            break
        image = matrix(direction)
        step = torch.where(active, size / _products(direction, image), 0.0).view(per_sample)
        values.addcmul_(step, direction)
        residual.addcmul_(step, image, value=-1)
        correction = preconditioner(residual)
        before, size = size, torch.where(active, _products(residual, correction), size)
        direction.mul_(torch.where(active, size / before, 0.0).view(per_sample)).add_(correction)
        iterations += active
        active = ~(size <= goal)
    return Solution(values, iterations, active)


def _products(one: Tensor, two: Tensor) -> Float[Tensor, " batch"]:
    products: Tensor = torch.linalg.vecdot(one.flatten(1), two.flatten(1))
    return products
