"""Standardization by a mean and a standard deviation for each field, or for each of its points."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import require
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.samples.moments import Moments, moments
from surrogate.datasets.storage.blocks import fits_in_memory
from surrogate.datasets.storage.stored import is_lazy

_COPIES = 5  # of the values in float64 that are in memory while the standard deviation is computed
_EQUAL = 1e-6  # a spread below this part of the others' is round-off


class OutsideTrainingRange(UserWarning):
    """An input lies outside the range of the training data."""


class Normalizer(nn.Module):
    r"""The map :math:`x \mapsto (x - \mu_c) / \sigma_c` for each channel :math:`c`, and its inverse.

    One pair of scalars per field, so that it holds at every resolution. A field that is constant in the training data
    has :math:`\sigma = 1`. With a ``shape`` there is a pair for each grid point instead, for fields whose points have
    each its own mean and spread; a point where all samples are equal has the root mean square of the others' spreads.

    Parameters
    ----------
    names
        Names of the fields, in channel order.
    shape
        The grid of the points that have statistics of their own; no other can enter.

    Attributes
    ----------
    mean, std
        Statistics ``(len(names), *shape)`` of the data given to `fit`.
    low, high
        Their range ``(len(names),)``.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, names: Sequence[str], shape: Sequence[int] = ()) -> None:
        super().__init__()
        self.names, self.shape = tuple(names), tuple(shape)
        for name, value, space in (
            ("mean", 0.0, self.shape),
            ("std", 1.0, self.shape),
            ("low", -torch.inf, ()),
            ("high", torch.inf, ()),
        ):
            self.register_buffer(name, torch.full((len(self.names), *space), value))

    def fit(self, fields: xr.Dataset) -> Normalizer:
        """Set the statistics from ``fields`` (the training part, no other), accumulated in float64; return self.

        Fields in files that memory cannot hold are read once, in blocks: the same numbers up to the last digits.
        """
        require(fields, self.names)
        for channel, name in enumerate(self.names):
            mean, std, low, high = _moments(name, fields[name], AXES[: len(self.shape)])
            spread = float(np.sqrt((std**2).mean())) if high > low else 0.0
            self.mean[channel] = torch.as_tensor(mean)
            self.std[channel] = torch.as_tensor(np.where(std > _EQUAL * spread, std, spread) if spread else 1.0)
            self.low[channel], self.high[channel] = low, high
        return self

    def normalize(self, x: Tensor) -> Tensor:
        """Map ``(batch, frames * C, *space)`` or ``(batch, C)`` to zero mean and unit variance.

        Raises
        ------
        InputError
            Another device, number of channels, or grid than that of the statistics of each point.
        """
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
        if x.device != self.mean.device:
            raise expected(f"{self.names} on {self.mean.device}", x.device, "Move the tensors, or the surrogate.")
        if x.shape[1] % len(self.names):
            do = "Stack all fields of every frame on axis 1."
            raise expected(f"a channel for each of {self.names}", f"shape {tuple(x.shape)}", do)
        if self.shape and tuple(x.shape[2:]) != self.shape:
            do = "Resample the fields, or train with normalize='field'."
            raise expected(f"fields on {self.shape} points, each with its own mean", tuple(x.shape[2:]), do)
        frames = x.shape[1] // len(self.names)
        shape = (-1, *self.shape) if self.shape else (-1,) + (1,) * (x.ndim - 2)
        mean, std = self.mean, self.std
        if frames > 1:
            mean, std = (value.repeat(frames, *[1] * len(self.shape)) for value in (mean, std))
        return mean.view(shape), std.view(shape)


def _moments(name: str, field: xr.DataArray, axes: Sequence[str]) -> Moments:
    if is_lazy(field) and not fits_in_memory(_COPIES * 8 * field.size):
        return moments(name, field.variable, axes)
    values = field.copy(deep=False).astype("float64")  # a copy, or the field would be held from here on
    others = [dim for dim in values.dims if dim not in axes]
    mean, std = (statistic.transpose(*axes).values for statistic in (values.mean(others), values.std(others)))
    return Moments(mean, std, float(values.min()), float(values.max()))
