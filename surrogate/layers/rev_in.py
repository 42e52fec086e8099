"""Reversible instance normalization of series."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Instance(NamedTuple):
    """What `RevIN` took from a window: ``shift`` and ``scale``, ``(batch, 1, channel)``."""

    shift: Tensor
    scale: Tensor


class RevIN(nn.Module):
    r"""Normalize each window of each channel by its own statistics, and undo it on the forecast.

    .. math:: z = w\,(x - \mu)/\sqrt{\sigma^2 + \epsilon} + b

    with mean and population variance over the time of the window. They carry no gradient: the statistics are data, not
    part of the map to be trained. Without ``affine`` there are no :math:`w, b` and the module has no parameters.

    Parameters
    ----------
    channels
        Number of series.
    affine
        One trained pair :math:`w, b` for each channel, 1 and 0 at the start.
    subtract_last
        Take the last value of the window for :math:`\mu`; the variance stays around the mean.
    eps
        :math:`\epsilon`.

    Notes
    -----
    The inverse divides by :math:`w + \epsilon^2`, as in the original, so that a gain that trains to zero does no harm.

    References
    ----------
    T. Kim et al., "Reversible Instance Normalization for Accurate Time-Series Forecasting against Distribution Shift",
    ICLR 2022.
    """

    def __init__(self, channels: int, *, affine: bool = False, subtract_last: bool = False, eps: float = 1e-5) -> None:
        super().__init__()
        self.subtract_last, self.eps = subtract_last, eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def normalize(self, x: Float[Tensor, "batch time channel"]) -> tuple[Float[Tensor, "batch time channel"], Instance]:
        """Return the normalized window, and what undoes it."""
        values = x.detach()
        variance, mean = torch.var_mean(values, dim=1, correction=0, keepdim=True)
        instance = Instance(values[:, -1:] if self.subtract_last else mean, (variance + self.eps).sqrt())
        z = (x - instance.shift) / instance.scale
        return (z if self.weight is None or self.bias is None else z * self.weight + self.bias), instance

    def denormalize(
        self, z: Float[Tensor, "batch horizon channel"], instance: Instance
    ) -> Float[Tensor, "batch horizon channel"]:
        """Undo `normalize` on a forecast of any length."""
        if self.weight is not None and self.bias is not None:
            z = (z - self.bias) / (self.weight + self.eps**2)
        return z * instance.scale + instance.shift
