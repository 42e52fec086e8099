"""The Galerkin and Fourier transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.attention import Attention
from surrogate.layers.configuration import with_defaults
from surrogate.layers.encoder_layer import EncoderLayer
from surrogate.layers.feed_forward import FeedForward
from surrogate.layers.spectral_decoder import SpectralDecoder
from surrogate.models import galerkin_reference
from surrogate.models.network import GridNetwork

RECIPE = {
    "epochs": 100,
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "warmup": 0.2,
    "gradient_clip": 0.999,
    "seed": 1127802,
}


class GalerkinTransformer(GridNetwork):
    r"""Transformer whose attention is a Petrov-Galerkin projection or a kernel integral, without softmax.

    Features are lifted at every point, pass ``n_layers`` encoder layers (attention over all grid points, with the
    coordinates in the heads, then a feed-forward map), and are decoded by spectral convolutions. In 1-D the coordinates
    enter only the heads; in 2-D and 3-D they are also features of the lifting.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    dim
        Number of space dimensions, 1 to 3.
    hidden_channels
        Features of a point. Good values: 48 to 192.
    n_layers
        Number of encoder layers.
    n_heads
        Number of heads; divides ``hidden_channels``.
    attention
        ``"galerkin"``, ``"fourier"``, ``"linear"`` or ``"softmax"``: see `surrogate.layers.Attention`.
    n_frequencies
        Wavenumbers in the decoder along each axis, one-sided: at most ``n // 2 + 1`` on the last, ``n // 2`` on others.
    periodic
        For each axis (or for all) whether it is periodic; only used to make the coordinates where none are given.
    parameter_channels
        Scalars per sample, appended to the features as constants.
    options
        Rare settings, see `GalerkinTransformer.OPTIONS`:
        ``feed_forward_channels`` (None: 2 ``hidden_channels``), ``activation`` of the feed-forward part;
        ``norm``: ``"heads"`` normalizes two tensors in every head, ``"layer"`` the sums after attention and
        feed-forward; ``norm_eps``; ``coordinates_in_heads``; ``decoder_channels`` (None: half of ``hidden_channels``),
        ``decoder_layers``, ``projection_channels`` (None: ``decoder_channels``), ``coordinates_in_decoder``;
        rates ``dropout`` (after the encoder), ``attention_dropout`` (of the attention matrix), ``encoder_dropout`` (of
        the branches), ``feed_forward_dropout``, ``decoder_dropout``; ``xavier_gain`` and ``diagonal_weight`` of the
        initial query, key and value maps; ``identical_layers``: all layers start with the weights of the first.

    Raises
    ------
    InputError
        Unknown option or attention, heads that do not divide the channels.

    References
    ----------
    S. Cao, "Choose a Transformer: Fourier or Galerkin", NeurIPS 2021, arXiv:2105.14995.
    """

    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "feed_forward_channels": None,
        "activation": "relu",
        "norm": "heads",
        "norm_eps": 1e-5,
        "coordinates_in_heads": True,
        "decoder_channels": None,
        "decoder_layers": 2,
        "projection_channels": None,
        "coordinates_in_decoder": False,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "encoder_dropout": 0.0,
        "feed_forward_dropout": 0.0,
        "decoder_dropout": 0.0,
        "xavier_gain": 1e-2,
        "diagonal_weight": 1e-2,
        "identical_layers": False,
    }
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
        "burgers": {
            "network": {"in_channels": 1, "out_channels": 1, "dim": 1, "periodic": True},
            "training": {**RECIPE, "batch_size": 4},
        },
        "burgers_fourier": {
            "network": {
                "in_channels": 1,
                "out_channels": 1,
                "dim": 1,
                "attention": "fourier",
                "periodic": True,
                "options": {"xavier_gain": 1e-3, "feed_forward_dropout": 0.05},
            },
            "training": {**RECIPE, "batch_size": 4},
        },
        "navier_stokes": {
            "network": {
                "in_channels": 10,
                "out_channels": 1,
                "dim": 2,
                "hidden_channels": 48,
                "n_frequencies": 12,
                "periodic": True,
                "options": {"norm": "layer", "decoder_channels": 20, "feed_forward_dropout": 0.05},
            },
            "training": RECIPE,
        },
    }

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int,
        hidden_channels: int = 96,
        n_layers: int = 4,
        n_heads: int = 1,
        attention: str = "galerkin",
        n_frequencies: int = 16,
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.hidden_channels, self.n_layers, self.n_heads = hidden_channels, n_layers, n_heads
        self.attention, self.n_frequencies, self.options = attention, n_frequencies, dict(options or {})
        full = with_defaults(options, self.OPTIONS)
        if full["norm"] not in ("heads", "layer"):
            raise expected("norm 'heads' or 'layer'", repr(full["norm"]), "Correct the name.")
        self.lift = nn.Linear(in_channels + parameter_channels + (dim if dim > 1 else 0), hidden_channels)
        self.coordinates_in_heads = full["coordinates_in_heads"]
        self.layers = nn.ModuleList(self._layer(full) for _ in range(n_layers))
        if full["identical_layers"]:
            for layer in self.layers:
                layer.load_state_dict(self.layers[0].state_dict())
        self.dropout = nn.Dropout(full["dropout"])
        self.join = nn.Linear(hidden_channels + dim, hidden_channels) if full["coordinates_in_decoder"] else None
        decoder_channels = full["decoder_channels"] or hidden_channels // 2
        self.decoder = SpectralDecoder(
            hidden_channels,
            out_channels,
            hidden_channels=decoder_channels,
            projection_channels=full["projection_channels"] or decoder_channels,
            n_blocks=full["decoder_layers"],
            n_frequencies=n_frequencies,
            dim=dim,
            dropout=full["decoder_dropout"],
        )

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *space"]:
        """Return the output fields: see `GridNetwork.forward`."""
        x, points = self.gather(x, coordinates, parameters)
        space = x.shape[2:]
        self.decoder.check_shape(space)
        features = x.movedim(1, -1) if self.dim == 1 else with_points(x.movedim(1, -1), points)
        features = self.lift(features).flatten(1, -2)
        heads = points.flatten(1, -2) if self.coordinates_in_heads else None
        for layer in self.layers:
            features = layer(features, heads)
        features = self.dropout(features).unflatten(1, space)
        if self.join is not None:
            features = self.join(with_points(features, points))
        y: Tensor = self.decoder(features)
        return y.movedim(-1, 1)

    @classmethod
    def modes_for(cls, shape: Sequence[int]) -> dict[str, Any]:
        """Return 16 frequencies, or what a grid of this shape holds if that is less."""
        return {"n_frequencies": min(16, shape[-1] // 2 + 1, *(n // 2 for n in shape[:-1]))}

    @classmethod
    def from_reference(
        cls, config: Mapping[str, Any], state: Mapping[str, Tensor], *, reference: str
    ) -> GalerkinTransformer:
        """Return our network with the weights of a network of the reference implementation.

        Parameters
        ----------
        config
            Constructor arguments of the reference's class.
        state
            Its state dict.
        reference
            Name of its class: ``"SimpleTransformer"`` (1-D) or ``"FourierTransformer2DLite"``.

        Notes
        -----
        The reference applies a dropout of 0.5 to the attention matrix, in evaluation too. Here it acts at the rate
        ``encoder_dropout`` of the configuration, in training only.
        """
        network = cls(**galerkin_reference.arguments(config, reference)).to(next(iter(state.values())).dtype)
        network.load_state_dict(galerkin_reference.weights(state, network.attention))
        return network

    def _layer(self, options: Mapping[str, Any]) -> EncoderLayer:
        attention = Attention(
            self.hidden_channels,
            n_heads=self.n_heads,
            kind=self.attention,
            dim=self.dim if options["coordinates_in_heads"] else 0,
            normalized=options["norm"] == "heads",
            eps=options["norm_eps"],
            dropout=options["attention_dropout"],
            gain=options["xavier_gain"],
            diagonal=options["diagonal_weight"],
        )
        feed_forward = FeedForward(
            self.hidden_channels,
            options["feed_forward_channels"] or 2 * self.hidden_channels,
            activation=options["activation"],
            dropout=options["feed_forward_dropout"],
        )
        return EncoderLayer(
            attention,
            feed_forward,
            self.hidden_channels,
            normalized=options["norm"] == "layer",
            eps=options["norm_eps"],
            dropout=options["encoder_dropout"],
        )


def with_points(features: Tensor, points: Tensor) -> Float[Tensor, "batch *space both"]:
    """Return the features of every point followed by its coordinates."""
    return torch.cat([features, points.expand(len(features), *points.shape[1:])], dim=-1)
