"""A small network at every point."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn


class PointDecoder(nn.Module):
    """Pointwise linear maps with GELU between and a bias in the last, after a group norm over all points.

    Parameters
    ----------
    widths
        Channels that enter, of the hidden layers, and that leave.
    norm_groups
        Groups of channels of the norm; None for no norm.
    first_groups
        Groups of channels that the first map keeps apart.
    """

    def __init__(self, widths: Sequence[int], *, norm_groups: int | None, first_groups: int = 1) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(norm_groups, widths[0]) if norm_groups else nn.Identity()
        self.maps = nn.Sequential()
        for number, (before, after) in enumerate(pairwise(widths), 1):
            if number > 1:
                self.maps.append(nn.GELU())
            groups = first_groups if number == 1 else 1
            self.maps.append(nn.Conv1d(before, after, 1, groups=groups, bias=number == len(widths) - 1))

    def forward(self, x: Float[Tensor, "batch *space channel"]) -> Float[Tensor, "batch out *space"]:
        """Return the output channels at every point."""
        y: Tensor = self.maps(self.norm(x.movedim(-1, 1).flatten(2)))
        return y.reshape(*y.shape[:2], *x.shape[1:-1])
