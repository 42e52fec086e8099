"""Fields projected to functions of one coordinate."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.grid_axis import GridAxis


class AxialProjection(nn.Module):
    r"""A learned function of one coordinate: :math:`\phi(x_a) = M\,\mathrm{LN}\,W \int u\,\mathrm{d}x_{b \neq a}`.

    The mean over the other axes commutes with the linear map :math:`W`, so it is taken first: see `axial_mean`. M is a
    gated network of one hidden layer.

    Parameters
    ----------
    channels
        Channels of the field and of the result.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels, bias=False)
        self.norm = nn.LayerNorm(channels)
        self.gate = nn.Linear(channels, 2 * channels)
        self.projection = nn.Linear(channels, channels)

    def forward(self, mean: Float[Tensor, "batch point channel"]) -> Float[Tensor, "batch point channel"]:
        """Return the function at the points of the axis, from the mean of the field over all others."""
        first, second = self.gate(self.norm(self.linear(mean))).chunk(2, dim=-1)
        y: Tensor = self.projection(F.gelu(first) * second)
        return y


def axial_mean(
    field: Float[Tensor, "batch *space channel"], axes: Sequence[GridAxis], axis: int
) -> Float[Tensor, "batch point channel"]:
    """Return the mean of a field over all axes but one, by the quadrature weights of the axes."""
    for other in reversed(range(len(axes))):
        if other != axis:
            weights = axes[other].weights.to(field.dtype)[:, None, None]
            shape = field.shape
            lines = field.reshape(shape[0], shape[1 : other + 1].numel(), shape[other + 1], -1)
            field = (weights @ lines).reshape(*shape[: other + 1], *shape[other + 2 :])
    return field
