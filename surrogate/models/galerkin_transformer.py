"""The Galerkin and Fourier transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.attention import Attention
from surrogate.layers.encoder_layer import EncoderLayer
from surrogate.layers.feed_forward import FeedForward
from surrogate.layers.spectral_decoder import SpectralDecoder
from surrogate.models.network import GridNetwork, with_defaults

RECIPE = {
    "epochs": 100,
    "batch_size": 4,
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
            "training": RECIPE,
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
            "training": RECIPE,
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
        super().__init__(
            in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels
        )
        self.hidden_channels, self.n_layers, self.n_heads = hidden_channels, n_layers, n_heads
        self.attention, self.n_frequencies, self.options = attention, n_frequencies, dict(options or {})
        full = with_defaults(options, self.OPTIONS)
        if full["norm"] not in ("heads", "layer"):
            raise expected("norm 'heads' or 'layer'", repr(full["norm"]), "Correct the name.")
        self.lift = nn.Linear(in_channels + parameter_channels + (dim if dim > 1 else 0), hidden_channels)
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
