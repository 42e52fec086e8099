"""The Fourier neural operator."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.layers.block_convolution import BlockConvolution, half_spectrum
from surrogate.layers.configuration import with_defaults
from surrogate.layers.point_product import use_products
from surrogate.layers.spectral_convolution import check_window
from surrogate.models.network import GridNetwork


class FNO(GridNetwork):
    r"""Fourier neural operator: layers :math:`x \mapsto \phi(\mathcal K x + W x)` with a convolution in Fourier space.

    Lifting, skip connections, channel networks and projection are those of the neuraloperator package; the spectral
    convolution is ours. It is right at odd sizes (that of neuraloperator up to 2.0.0 moves the spectrum by one
    wavenumber there), computes in float64 where asked, and keeps its weights real.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    dim
        Number of space dimensions, 1 to 3.
    hidden_channels
        Channels of the layers. Good values: 32 to 64.
    n_layers
        Number of Fourier layers.
    n_modes
        Wavenumbers kept along each axis, both signs counted; one number for all axes, or one for each.
    periodic
        For each axis (or for all) whether it is periodic; only used to make the coordinates where none are given.
    parameter_channels
        Scalars per sample, appended to the input as constant channels.
    options
        Rare settings, see `FNO.OPTIONS`: ``coordinates`` appends the coordinates to the input; all others are arguments
        of ``neuralop.models.FNO`` and mean what they mean there.

    Raises
    ------
    InputError
        Unknown option, or a number of modes for each axis that does not match ``dim``.

    References
    ----------
    Z. Li et al., "Fourier Neural Operator for Parametric Partial Differential Equations", ICLR 2021, arXiv:2010.08895.
    """

    recomputed = ("blocks",)  # one module for all layers, called for each
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "coordinates": True,
        "lifting_channel_ratio": 2,
        "projection_channel_ratio": 2,
        "use_channel_mlp": True,
        "channel_mlp_expansion": 0.5,
        "channel_mlp_dropout": 0.0,
        "channel_mlp_skip": "soft-gating",
        "fno_skip": "linear",
        "norm": None,
    }

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int = 2,
        hidden_channels: int = 32,
        n_layers: int = 4,
        n_modes: int | Sequence[int] = 12,
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.hidden_channels, self.n_layers, self.options = hidden_channels, n_layers, dict(options or {})
        self.n_modes = [n_modes] * dim if isinstance(n_modes, int) else list(n_modes)
        if len(self.n_modes) != dim:
            raise expected(f"n_modes for each of {dim} axes", n_modes, "Give one number, or one for each axis.")
        inner = with_defaults(options, self.OPTIONS)
        self.uses_coordinates = inner.pop("coordinates")
        with warnings.catch_warnings():  # its import appends a filter to the process's
            from neuralop.models import FNO as Blocks
        blocks = Blocks(
            n_modes=tuple(self.n_modes),
            in_channels=in_channels + parameter_channels + (dim if self.uses_coordinates else 0),
            out_channels=out_channels,
            hidden_channels=hidden_channels,
            n_layers=n_layers,
            positional_embedding=None,
            conv_module=BlockConvolution,
            **inner,
        )
        # The parts only: the whole adds its constructor arguments to the state dict, which safetensors refuses.
        self.lifting, self.blocks, self.projection = blocks.lifting, blocks.fno_blocks, blocks.projection
        use_products(self)

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *space"]:
        """Return the output fields: see `GridNetwork.forward`."""
        x = self.entering(x, coordinates, parameters)
        check_window(half_spectrum(self.n_modes), x.shape[2:])
        y: Tensor = self.projection(self.evolve(self.lifting(x)))
        return y

    def evolve(self, features: Float[Tensor, "batch feature *space"]) -> Float[Tensor, "batch feature *space"]:
        """Return the features after all layers."""
        for layer in range(self.n_layers):
            features = self.blocks(features, layer)
        return features

    @classmethod
    def modes_for(cls, shape: Sequence[int]) -> dict[str, Any]:
        """Return 12 modes along each axis, or what a grid of this shape holds if that is less."""
        return {"n_modes": [min(12, n) for n in shape]}
