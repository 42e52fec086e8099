"""A layer of the multigrid neural operator."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.layers.v_cycle import VCycle


class MultigridLayer(nn.Module):
    r"""A V-cycle W, maybe beside a pointwise map B and before a norm: :math:`\phi(\mathrm{norm}(W x + B x + b))`.

    Parameters
    ----------
    cycle
        The operator W.
    bypass
        The pointwise map B with its bias b, or None.
    norm
        The norm, or None.
    activation
        The function :math:`\phi`.
    """

    def __init__(
        self, cycle: VCycle, *, bypass: nn.Module | None, norm: nn.Module | None, activation: nn.Module
    ) -> None:
        super().__init__()
        self.cycle, self.bypass, self.norm, self.activation = cycle, bypass, norm, activation

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch out *space"]:
        """Return the features after this layer."""
        y = self.cycle(x)
        if self.bypass is not None:
            y = y + self.bypass(x)
        if self.norm is not None:
            y = self.norm(y)
        return self.activation(y)  # type: ignore[no-any-return]
