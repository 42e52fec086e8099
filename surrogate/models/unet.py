"""The modern U-Net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.configuration import with_defaults
from surrogate.layers.feed_forward import ACTIVATIONS
from surrogate.layers.padded_convolution import PaddedConvolution, PaddedUpsampling
from surrogate.layers.residual_convolution import ResidualConvolution
from surrogate.models.network import GridNetwork, resolution_of

_MULTIPLIERS = (1, 2, 2, 4)


class UNet(GridNetwork):
    r"""U-Net of residual blocks with normalization before every convolution.

    With levels :math:`l = 0, \dots, L-1`, each on every second point of the one before, and ``n_layers`` :math:`= n`,

    .. math:: x_{l,0} = D_l\, x_{l-1,n}, \quad x_{l,i} = B_{l,i}\, x_{l,i-1}, \qquad
              y_{l,n+1} = U_l\, y_{l+1,0}, \quad y_{l,i} = B'_{l,i} [y_{l,i+1}, x_{l,i}],

    with :math:`D_0` a convolution, the other :math:`D_l` of stride 2, :math:`U_l` transposed convolutions, residual
    blocks :math:`B` (see `surrogate.layers.ResidualConvolution`), two more of them between :math:`x_{L-1,n}` and the
    way up, and a last one without residual after :math:`y_{0,0}`. Convolutions wrap around on periodic axes and see
    zeros beyond the ends of the others. Any grid size enters: odd numbers of points are rounded up on the way down, and
    the point too many is cut on the way up.

    The features are local, in points: the kernels know no distances. A network from `for_data` refuses other grids.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    dim
        Number of space dimensions, 1 to 3.
    hidden_channels
        Channels of the first convolution. Good values: 16 to 64.
    channel_multipliers
        For each level by how much the channels grow from the level before.
    n_layers
        Residual blocks at each level on the way down.
    periodic
        For each axis (or for all) whether it is periodic.
    resolution
        The shape of grid that may enter; None for any.
    parameter_channels
        Scalars per sample, appended to the input as constant channels.
    options
        Rare settings, see `UNet.OPTIONS`: ``coordinates`` appends the coordinates to the input; ``activation``.

    Raises
    ------
    InputError
        Unknown option or activation, no levels, or a resolution of another number of axes.

    References
    ----------
    J. Gupta and J. Brandstetter, "Towards Multi-spatiotemporal-scale Generalized PDE Modeling", TMLR 2023,
    arXiv:2209.15616.
    """

    OPTIONS: ClassVar[Mapping[str, Any]] = {"coordinates": True, "activation": "gelu"}

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int = 2,
        hidden_channels: int = 32,
        channel_multipliers: Sequence[int] = _MULTIPLIERS,
        n_layers: int = 2,
        periodic: bool | Sequence[bool] = False,
        resolution: Sequence[int] | None = None,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.hidden_channels, self.n_layers, self.options = hidden_channels, n_layers, dict(options or {})
        self.channel_multipliers, self.resolution = list(channel_multipliers), resolution_of(resolution, dim)
        full = with_defaults(options, self.OPTIONS)
        self.uses_coordinates, self.activation = full["coordinates"], full["activation"]
        if self.activation not in ACTIVATIONS:
            raise expected(f"activation out of {', '.join(ACTIVATIONS)}", repr(self.activation), "Correct the name.")
        if not self.channel_multipliers or n_layers < 1:
            got = f"{self.channel_multipliers} and {n_layers}"
            raise expected("at least one of channel_multipliers and of n_layers", got, "Add levels or layers.")
        widths = [hidden_channels]
        for multiplier in self.channel_multipliers:
            widths.append(widths[-1] * multiplier)
        entering = in_channels + parameter_channels + dim * self.uses_coordinates
        self.lift = self._convolution(entering, hidden_channels)
        self.down = nn.ModuleList(self._blocks([one] + [two] * n_layers) for one, two in pairwise(widths))
        self.coarsen = nn.ModuleList(self._convolution(width, width, stride=2) for width in widths[1:-1])
        self.middle = nn.Sequential(*self._blocks([widths[-1]] * 3))
        self.up = nn.ModuleList(self._joining_blocks(one, two) for one, two in pairwise(widths))
        self.refine = nn.ModuleList(PaddedUpsampling(n, n, periodic=self.periodic) for n in widths[1:-1])
        self.projection = nn.Sequential(
            nn.GroupNorm(1, hidden_channels),
            ACTIVATIONS[self.activation](),
            self._convolution(hidden_channels, out_channels),
        )

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *space"]:
        """Return the output fields: see `GridNetwork.forward`; raise `InputError` for a grid with too few points."""
        x = self.entering(x, coordinates, parameters)
        self._check_shape(x.shape[2:])
        x = self.lift(x)
        passed = [x]
        for level, blocks in enumerate(self.down):
            if level > 0:
                x = self.coarsen[level - 1](x)
                passed.append(x)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x)
                passed.append(x)
        x = self.middle(x)
        for level in reversed(range(len(self.up))):
            for block in self.up[level]:  # type: ignore[attr-defined]
                x = block(torch.cat([x, passed.pop()], dim=1))
            if level > 0:
                x = cut(self.refine[level - 1](x), passed[-1].shape[2:])
        return self.projection(x)  # type: ignore[no-any-return]

    @classmethod
    def modes_for(cls, shape: Sequence[int]) -> dict[str, Any]:
        """Return the multipliers of four levels, or of as many as this grid holds if that is less, and its shape."""
        return {"channel_multipliers": list(_MULTIPLIERS[: min(shape).bit_length()]), "resolution": list(shape)}

    def _check_shape(self, shape: Sequence[int]) -> None:
        self.check_resolution(shape)
        coarsest = 2 ** (len(self.channel_multipliers) - 1)
        if min(shape) < coarsest:
            do = "Use fewer channel_multipliers (levels) or a finer grid."
            raise expected(f"at least {coarsest} points along each axis", tuple(shape), do)

    def _convolution(self, in_channels: int, out_channels: int, stride: int = 1) -> PaddedConvolution:
        return PaddedConvolution(in_channels, out_channels, periodic=self.periodic, stride=stride)

    def _block(self, in_channels: int, out_channels: int) -> ResidualConvolution:
        return ResidualConvolution(in_channels, out_channels, periodic=self.periodic, activation=self.activation)

    def _blocks(self, widths: Sequence[int]) -> nn.ModuleList:
        return nn.ModuleList(self._block(*pair) for pair in pairwise(widths))

    def _joining_blocks(self, above: int, width: int) -> nn.ModuleList:
        """Return the blocks of a level on the way up; the last one meets what entered the level, of ``above``."""
        same = [self._block(2 * width, width) for _ in range(self.n_layers)]
        return nn.ModuleList([*same, self._block(width + above, above)])


def cut(x: Tensor, shape: Sequence[int]) -> Float[Tensor, "batch channel *space"]:
    """Return the first points along each axis."""
    for axis, n in enumerate(shape, start=2):
        x = x.narrow(axis, 0, n)
    return x
