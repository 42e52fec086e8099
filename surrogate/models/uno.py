"""The U-shaped neural operator."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate
from operator import mul
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.block_convolution import BlockConvolution, half_spectrum
from surrogate.layers.configuration import with_defaults
from surrogate.layers.interpolation_scaler import resize
from surrogate.layers.point_product import use_products
from surrogate.layers.spectral_convolution import check_window
from surrogate.models.network import GridNetwork


class UNO(GridNetwork):
    r"""U-shaped neural operator: Fourier layers that lead to coarser grids and back, with skip connections across.

    Layer ``i`` of ``n`` has ``channel_multipliers[i] * hidden_channels`` channels, on a grid that is ``scalings[i]``
    times as fine as the one before. What enters one of the second half is joined by a linear map of what left layer
    ``n - 1 - i``. Blocks, lifting and projection are those of the neuraloperator package; the spectral convolution is
    ours, see `FNO`: that of neuraloperator up to 2.0.0 also loses or moves the negative wavenumbers of all axes but the
    last where a layer leads to another grid. What skips a convolution is interpolated linearly, also across the period.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    dim
        Number of space dimensions, 1 to 3.
    hidden_channels
        Channels after lifting, and unit of those of the layers. Good values: 32 to 64.
    channel_multipliers
        One for each layer.
    scalings
        One for each layer; their product is 1.
    n_modes
        Wavenumbers kept along each axis, both signs counted; one number for all axes, or one for each. The coarsest
        grid must hold them.
    periodic
        For each axis (or for all) whether it is periodic.
    parameter_channels
        Scalars per sample, appended to the input as constant channels.
    options
        Rare settings, see `UNO.OPTIONS`: ``coordinates`` appends the coordinates to the input; all others are arguments
        of ``neuralop.models.UNO`` and mean what they mean there.

    Raises
    ------
    InputError
        Unknown option, a number of modes for each axis that does not match ``dim``, numbers of multipliers and
        scalings that differ, scalings that do not lead back.

    References
    ----------
    M. A. Rahman, Z. E. Ross, K. Azizzadenesheli, "U-NO: U-shaped Neural Operators", TMLR 2023, arXiv:2204.11127.
    """

    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "coordinates": True,
        "lifting_channels": 256,
        "projection_channels": 256,
        "channel_mlp_expansion": 0.5,
        "channel_mlp_dropout": 0.0,
        "channel_mlp_skip": "linear",
        "fno_skip": "linear",
        "horizontal_skip": "linear",
        "norm": None,
    }

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int = 2,
        hidden_channels: int = 32,
        channel_multipliers: Sequence[int] = (1, 2, 2, 2, 1),
        scalings: Sequence[float] = (1.0, 0.5, 1.0, 2.0, 1.0),
        n_modes: int | Sequence[int] = 12,
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.hidden_channels, self.options = hidden_channels, dict(options or {})
        self.channel_multipliers, self.scalings = list(channel_multipliers), list(scalings)
        self.n_modes = [n_modes] * dim if isinstance(n_modes, int) else list(n_modes)
        self._check()
        full = with_defaults(options, self.OPTIONS)
        self.uses_coordinates = full["coordinates"]
        with warnings.catch_warnings():  # its import appends a filter to the process's
            from neuralop.layers.channel_mlp import ChannelMLP
            from neuralop.layers.skip_connections import skip_connection
        entering = in_channels + parameter_channels + (dim if self.uses_coordinates else 0)
        channels = [m * hidden_channels for m in self.channel_multipliers]
        self.lifting = ChannelMLP(entering, hidden_channels, full["lifting_channels"], n_layers=2, n_dim=dim)
        self.blocks = self._blocks(channels, full)
        self.skips = nn.ModuleList(
            skip_connection(width, width, skip_type=full["horizontal_skip"], n_dim=dim)
            for width in channels[: len(channels) // 2]
        )
        self.projection = ChannelMLP(channels[-1], out_channels, full["projection_channels"], n_layers=2, n_dim=dim)
        use_products(self)

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *space"]:
        """Return the output fields: see `GridNetwork.forward`."""
        shapes = self.shapes(x.shape[2:])
        x = self.entering(x, coordinates, parameters)
        for shape in shapes:
            check_window(half_spectrum(self.n_modes), shape)
        features = self.lifting(x)
        across: list[Tensor] = []
        for layer, (block, shape) in enumerate(zip(self.blocks, shapes, strict=True)):
            if layer >= len(shapes) - len(self.skips):
                joined = resize(across.pop(), features.shape[2:], self.periodic)
                features = torch.cat([features, joined], dim=1)
            features = block(features, output_shape=shape)
            if layer < len(self.skips):
                across.append(self.skips[layer](features))
        y: Tensor = self.projection(features)
        return y

    def shapes(self, shape: Sequence[int]) -> list[tuple[int, ...]]:
        """Return the shape of the grid after every layer, for one that enters."""
        return [tuple(math.floor(n * scale + 0.5) for n in shape) for scale in accumulate(self.scalings, mul)]

    @classmethod
    def modes_for(cls, shape: Sequence[int]) -> dict[str, Any]:
        """Return 12 modes along each axis, or what a grid of half this shape holds if that is less."""
        return {"n_modes": [min(12, n // 2) for n in shape]}

    def _blocks(self, channels: Sequence[int], options: Mapping[str, Any]) -> nn.ModuleList:
        from neuralop.layers.fno_block import FNOBlocks

        names = ("channel_mlp_expansion", "channel_mlp_dropout", "channel_mlp_skip", "fno_skip", "norm")
        convolution = partial(BlockConvolution, periodic=self.periodic)
        joined = [channels[i] if i < len(channels) // 2 else 0 for i in reversed(range(len(channels)))]
        return nn.ModuleList(
            FNOBlocks(
                before + more,
                after,
                tuple(self.n_modes),
                conv_module=convolution,
                **{name: options[name] for name in names},
            )
            for before, more, after in zip([self.hidden_channels, *channels], joined, channels, strict=False)
        )

    def _check(self) -> None:
        if len(self.n_modes) != self.dim:
            raise expected(f"n_modes for each of {self.dim} axes", self.n_modes, "Give one number, or one for each.")
        if len(self.scalings) != len(self.channel_multipliers):
            do = "Give one of both for each layer."
            raise expected(f"{len(self.channel_multipliers)} scalings", len(self.scalings), do)
        if not math.isclose(math.prod(self.scalings), 1):
            raise expected("scalings of product 1", math.prod(self.scalings), "The output is on the grid of the input.")
