"""Standardization by one mean and one standard deviation per field."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
import xarray as xr
from jaxtyping import Bool
from torch import Tensor, nn

from surrogate.datasets.fields import require


class OutsideTrainingRange(UserWarning):
    """An input lies outside the range of the training data."""


class Normalizer(nn.Module):
    r"""The map :math:`x \mapsto (x - \mu_c) / \sigma_c` for each channel :math:`c`, and its inverse.

    One pair of scalars per field, so that it holds at every resolution. A field that is constant in the training data
    has :math:`\sigma = 1`.

    Parameters
    ----------
    names
        Names of the fields, in channel order.

    Attributes
    ----------
    mean, std, low, high
        Statistics ``(len(names),)`` of the data given to `fit`.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        for name, value in (("mean", 0.0), ("std", 1.0), ("low", -torch.inf), ("high", torch.inf)):
            self.register_buffer(name, torch.full((len(self.names),), value))

    def fit(self, fields: xr.Dataset) -> Normalizer:
        """Set the statistics from ``fields`` (the training part, no other), accumulated in float64; return self."""
        require(fields, self.names)
        for channel, name in enumerate(self.names):
            values = fields[name].astype("float64")
            low, high = float(values.min()), float(values.max())
            self.mean[channel] = float(values.mean())
            self.std[channel] = float(values.std()) if high > low else 1.0
            self.low[channel], self.high[channel] = low, high
        return self

    def normalize(self, x: Tensor) -> Tensor:
        """Map ``(batch, frames * C, *space)`` or ``(batch, C)`` to zero mean and unit variance."""
        mean, std = self._shaped(x)
        return (x - mean) / std

    def denormalize(self, x: Tensor) -> Tensor:
        """Undo `normalize`."""
        mean, std = self._shaped(x)
        return x * std + mean

    def warn_outside(self, x: Tensor) -> None:
        """Warn with `OutsideTrainingRange` if ``x`` leaves the range of the training data by more than 1 % of it."""
        outside = self.outside(x).any(0).tolist()
        for name, low, high, out in zip(self.names, self.low.tolist(), self.high.tolist(), outside, strict=True):
            if out:
                text = f"{name!r} leaves the training range [{low:.4g}, {high:.4g}]: the prediction extrapolates."
                warnings.warn(text, OutsideTrainingRange, stacklevel=3)

    def outside(self, x: Tensor) -> Bool[Tensor, "batch channel"]:
        """Return where ``x`` leaves the range of the training data by more than 1 % of it, on the device of ``x``."""
        channels = x.reshape(x.shape[0], -1, len(self.names), *x.shape[2:]).transpose(1, 2).flatten(2)
        low, high = self.low.to(x.device), self.high.to(x.device)
        margin = 0.01 * (high - low)
        return (channels.amin(2) < low - margin) | (channels.amax(2) > high + margin)

    def _shaped(self, x: Tensor) -> tuple[Tensor, Tensor]:
        frames = x.shape[1] // len(self.names)
        shape = (-1,) + (1,) * (x.ndim - 2)
        mean, std = (self.mean, self.std) if frames == 1 else (self.mean.repeat(frames), self.std.repeat(frames))
        return mean.view(shape), std.view(shape)
