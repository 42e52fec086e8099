"""Drift of what the equation conserves."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.evaluation.metrics import Frames

Invariants = Callable[[Tensor], dict[str, Tensor]]


def drift(
    invariants: Invariants, initial: Float[Tensor, "sample channel *space"], frames: Frames
) -> dict[str, Float[Tensor, "sample time"]]:
    r"""Return :math:`|q(t) - q(0)|` of each invariant q, relative to the invariant of the absolute values at the start.

    That scale has the unit of q and does not vanish where q does: the mean of a field is measured against the mean of
    its absolute value. Infinite where a frame is not finite.

    Parameters
    ----------
    invariants
        Maps states ``(batch, channel, *space)`` to named numbers ``(batch,)``, as that of a solver does.
    initial, frames
        The state at the start and the predicted frames.
    """
    start, scale = invariants(initial.double()), invariants(initial.double().abs())
    later = invariants(frames.double().flatten(0, 1))
    drifts = {}
    for name, values in later.items():
        change = (values.reshape(frames.shape[:2]) - start[name][:, None]).abs()
        drifts[name] = (change / scale[name][:, None].abs()).nan_to_num(torch.inf, torch.inf)
    return drifts
