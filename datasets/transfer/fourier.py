"""Trigonometric interpolation between periodic, equally spaced points."""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected


class FourierMap(nn.Module):
    """The values of the trigonometric interpolant at ``new`` equally spaced points of the same period.

    Modes that the new points cannot hold are dropped. The Nyquist mode of an even number belongs half to each sign.

    Parameters
    ----------
    old, new
        Numbers of points.
    shift
        How far the first new point lies after the first old one, as a share of the period.
    """

    def __init__(self, old: int, new: int, shift: float = 0.0) -> None:
        super().__init__()
        self.old, self.new, self.shift = old, new, shift

    def forward(self, values: Float[Tensor, "*batch old"]) -> Float[Tensor, "*batch new"]:
        """Return the values at the new points."""
        shared = min(self.old, self.new)
        modes = torch.fft.rfft(values)[..., : shared // 2 + 1]
        weight = torch.full((shared // 2 + 1,), self.new / self.old, dtype=torch.complex128)
        if shared % 2 == 0 and self.old != self.new:
            weight[-1] *= 0.5 if shared == self.old else 2.0  # split between both signs, or both folded into one
        if self.shift:
            phase = 2 * math.pi * self.shift * torch.arange(shared // 2 + 1, dtype=torch.float64)
            weight = weight * torch.exp(1j * phase)
        resampled: Tensor = torch.fft.irfft(modes * weight.to(modes), n=self.new)
        return resampled


def resample_periodic(
    u: Float[Tensor, "batch channel *space"],
    shape: tuple[int, ...],
    location: Literal["node", "cell"] = "node",
) -> Float[Tensor, "batch channel *new"]:
    """Evaluate the trigonometric interpolant of ``u`` at the points of another periodic grid of the same box.

    Exact for fields that both grids can hold.

    Raises
    ------
    InputError
        The number of axes differs.
    """
    if len(shape) != u.ndim - 2:
        raise expected(f"a shape of {u.ndim - 2} axes", shape, "Give one number of points for each axis of the field.")
    for axis, (old, new) in enumerate(zip(u.shape[2:], shape, strict=True), start=2):
        if new != old:
            shift = (1 / new - 1 / old) / 2 if location == "cell" else 0.0
            u = FourierMap(old, new, shift)(u.movedim(axis, -1)).movedim(-1, axis)
    return u
