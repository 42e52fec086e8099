"""A window of frames lifted to features."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class FrameLift(nn.Module):
    """Map every field of every frame to features of its own, and these over all frames to the features of a point.

    Parameters
    ----------
    n_fields, n_frames
        Fields of a frame, and frames; channels that enter hold the fields of one frame after another.
    channels
        Features of a point; half of it is a multiple of ``n_fields``.
    """

    def __init__(self, n_fields: int, n_frames: int, channels: int) -> None:
        super().__init__()
        self.n_fields, self.n_frames = n_fields, n_frames
        self.fields = nn.Conv2d(n_fields, channels // 2, 1, groups=n_fields)
        self.activation = nn.GELU()
        self.frames = nn.Conv2d(channels // 2, channels, (n_frames, 1), bias=False)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch *space feature"]:
        """Return the features at every point."""
        frames = x.reshape(len(x), self.n_frames, self.n_fields, -1).transpose(1, 2)
        features: Tensor = self.frames(self.activation(self.fields(frames)))
        return features.squeeze(2).mT.reshape(len(x), *x.shape[2:], -1)
