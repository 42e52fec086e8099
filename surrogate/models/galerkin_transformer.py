"""The Galerkin and Fourier transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.attention import Attention
from surrogate.layers.configuration import with_defaults
from surrogate.layers.encoder_layer import EncoderLayer
from surrogate.layers.feed_forward import FeedForward
from surrogate.layers.interpolation_scaler import DownScaler, UpScaler, resize
from surrogate.layers.pointwise_decoder import PointwiseDecoder
from surrogate.layers.spectral_decoder import SpectralDecoder
from surrogate.models import galerkin_published, galerkin_reference
from surrogate.models.network import GridNetwork, axis_sizes, unit_coordinates, with_points


class GalerkinTransformer(GridNetwork):
    r"""Transformer whose attention is a Petrov-Galerkin projection or a kernel integral, without softmax.

    Features are lifted at every point, pass ``n_layers`` encoder layers (attention over all grid points, with the
    coordinates in the heads, then a feed-forward map), and are decoded by spectral convolutions or at every point. In
    1-D the coordinates enter only the heads; in 2-D and 3-D they are also features of the lifting. With a coarse grid
    for the attention, convolutions and interpolations lead there (in place of the lifting) and back.

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
        ``"galerkin"``, ``"fourier"``, ``"linear"``, ``"softmax"`` or ``"identity"``: see `surrogate.layers.Attention`.
    n_frequencies
        Wavenumbers in the decoder along each axis, one-sided: at most ``n // 2 + 1`` on the last, ``n // 2`` on others.
    periodic
        For each axis (or for all) whether it is periodic; only used to make the coordinates where none are given.
    coarse_shape
        Points of the grid that the attention sees, one number for all axes or one for each; None: all that enter.
    out_shape
        Points of the grid that leaves, at least those of ``coarse_shape``; None: those of the grid that enters.
    parameter_channels
        Scalars per sample, appended to the features as constants.
    options
        Rare settings, see `GalerkinTransformer.OPTIONS`:
        ``feed_forward_channels`` (None: 2 ``hidden_channels``), ``activation`` of the feed-forward part;
        ``norm``: ``"heads"`` normalizes two tensors in every head, ``"layer"`` the sums after attention and
        feed-forward; ``norm_eps``; ``coordinates_in_heads``; ``decoder``: ``"spectral"`` or ``"point"``;
        ``decoder_channels`` of the spectral one (None: half of ``hidden_channels``), ``decoder_layers``,
        ``projection_channels`` (None: ``decoder_channels``); ``coordinates_in_decoder``, joined by a linear map to
        ``joined_channels`` (None: ``hidden_channels``); ``down_scaler_activation``;
        rates ``dropout`` (before and after what leads from and to the coarse grid; after the encoder where there is
        none), ``attention_dropout`` (of the attention matrix), ``encoder_dropout`` (of
        the branches), ``feed_forward_dropout``, ``decoder_dropout``, ``down_scaler_dropout``, ``up_scaler_dropout``;
        ``xavier_gain`` and ``diagonal_weight`` of the
        initial query, key and value maps; ``identical_layers``: all layers start with the weights of the first.

    Raises
    ------
    InputError
        Unknown option, decoder or attention, heads that do not divide the channels, an output coarser than the grid of
        the attention or of another shape without such a grid.

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
        "decoder": "spectral",
        "decoder_channels": None,
        "decoder_layers": 2,
        "projection_channels": None,
        "coordinates_in_decoder": False,
        "joined_channels": None,
        "down_scaler_activation": "relu",
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "encoder_dropout": 0.0,
        "feed_forward_dropout": 0.0,
        "decoder_dropout": 0.0,
        "down_scaler_dropout": 0.0,
        "up_scaler_dropout": 0.0,
        "xavier_gain": 1e-2,
        "diagonal_weight": 1e-2,
        "identical_layers": False,
    }
    PUBLISHED = galerkin_published.PUBLISHED

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
        coarse_shape: int | Sequence[int] | None = None,
        out_shape: int | Sequence[int] | None = None,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.hidden_channels, self.n_layers, self.n_heads = hidden_channels, n_layers, n_heads
        self.attention, self.n_frequencies, self.options = attention, n_frequencies, dict(options or {})
        self.coarse_shape, self.out_shape = (axis_sizes(n, dim) for n in (coarse_shape, out_shape))
        full = with_defaults(options, self.OPTIONS)
        self._check(full)
        self.lift, self.up = self._scalers(full)
        self.coordinates_in_heads = full["coordinates_in_heads"]
        self.layers = nn.ModuleList(self._layer(full) for _ in range(n_layers))
        if full["identical_layers"]:
            for layer in self.layers:
                layer.load_state_dict(self.layers[0].state_dict())
        self.dropout = nn.Dropout(full["dropout"])
        joined = (full["joined_channels"] or hidden_channels) if full["coordinates_in_decoder"] else hidden_channels
        self.join = nn.Linear(hidden_channels + dim, joined) if full["coordinates_in_decoder"] else None
        self.decoder = self._decoder(joined, full)

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *out_space"]:
        """Return the output fields, on the grid that entered or that of ``out_shape``: see `GridNetwork.forward`."""
        x, points = self.gather(x, coordinates, parameters)
        shape = tuple(self.out_shape or x.shape[2:])
        if isinstance(self.decoder, SpectralDecoder):
            self.decoder.check_shape(shape)
        coarse = self.points_on(self.coarse_shape or x.shape[2:], points)
        features = self._enter(x, points)
        heads = coarse.flatten(1, -2) if self.coordinates_in_heads else None
        for layer in self.layers:
            features = layer(features, heads)
        features = torch.unflatten(features, 1, coarse.shape[1:-1])
        if self.up is not None:
            features = self.up(features.movedim(-1, 1), shape).movedim(1, -1)
        y: Tensor = self.decoder(self._leave(features, self.points_on(shape, points)))
        return y.movedim(-1, 1)

    def points_on(
        self, shape: Sequence[int], points: Float[Tensor, "samples *space dim"]
    ) -> Float[Tensor, "samples *new dim"]:
        """Return the coordinates of the points of a grid of this shape, between those that are given."""
        if tuple(shape) == points.shape[1:-1]:
            return points
        own, new = (unit_coordinates(tuple(n), self.periodic, points) for n in (points.shape[1:-1], shape))
        return new + resize((points - own).movedim(-1, 1), shape, self.periodic).movedim(1, -1)

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
            Constructor arguments of the reference's class; for ``"FourierTransformer2D"`` also ``n_fine`` and
            ``n_coarse``, the points along an axis that enter and that the attention sees.
        state
            Its state dict.
        reference
            Name of its class: ``"SimpleTransformer"`` (1-D), ``"FourierTransformer2D"`` (with a coarse grid) or
            ``"FourierTransformer2DLite"``.

        Notes
        -----
        The reference applies a dropout of 0.5 to the attention matrix, in evaluation too. Here it acts at the rate
        ``encoder_dropout`` of the configuration, in training only. Its target normalizer and its boundary values are
        outside the network here: see `surrogate.fit`.
        """
        network = cls(**galerkin_reference.arguments(config, reference)).to(next(iter(state.values())).dtype)
        network.load_state_dict(galerkin_reference.weights(state, network.attention))
        return network

    def _enter(self, x: Tensor, points: Tensor) -> Float[Tensor, "batch point channel"]:
        """Return the features of the points that the attention sees."""
        if self.coarse_shape is not None:
            features = self.lift(x, self.coarse_shape).movedim(1, -1)
            return self.dropout(features).flatten(1, -2)  # type: ignore[no-any-return]
        features = x.movedim(1, -1) if self.dim == 1 else with_points(x.movedim(1, -1), points)
        return self.lift(features).flatten(1, -2)  # type: ignore[no-any-return]

    def _leave(self, features: Tensor, points: Tensor) -> Float[Tensor, "batch *space joined"]:
        """Return what enters the decoder at these points: features interpolated, and joined with the points.

        Interpolation and linear maps commute; the map comes first where nothing stands between, as it has less to give.
        """
        shape = points.shape[1:-1]
        if self.join is None or (self.training and self.dropout.p > 0):
            features = self.dropout(self._resized(features, shape))
            return features if self.join is None else self.join(with_points(features, points))
        weight, own = torch.split(self.join.weight, [self.hidden_channels, self.dim], dim=1)
        return self._resized(F.linear(features, weight), shape) + F.linear(points, own, self.join.bias)

    def _resized(self, features: Tensor, shape: Sequence[int]) -> Float[Tensor, "batch *space channel"]:
        return resize(features.movedim(-1, 1), shape, self.periodic).movedim(1, -1)

    def _scalers(self, options: Mapping[str, Any]) -> tuple[nn.Module, UpScaler | None]:
        entering = self.in_channels + self.parameter_channels
        if self.coarse_shape is None:
            return nn.Linear(entering + (self.dim if self.dim > 1 else 0), self.hidden_channels), None
        down = DownScaler(
            entering,
            self.hidden_channels,
            periodic=self.periodic,
            activation=options["down_scaler_activation"],
            dropout=options["down_scaler_dropout"],
        )
        return down, UpScaler(self.hidden_channels, periodic=self.periodic, dropout=options["up_scaler_dropout"])

    def _decoder(self, channels: int, options: Mapping[str, Any]) -> nn.Module:
        dropout, n_layers = options["decoder_dropout"], options["decoder_layers"]
        if options["decoder"] == "point":
            return PointwiseDecoder(channels, self.out_channels, n_layers=n_layers, dropout=dropout)
        width = options["decoder_channels"] or self.hidden_channels // 2
        return SpectralDecoder(
            channels,
            self.out_channels,
            hidden_channels=width,
            projection_channels=options["projection_channels"] or width,
            n_blocks=n_layers,
            n_frequencies=self.n_frequencies,
            dim=self.dim,
            dropout=dropout,
        )

    def _check(self, options: Mapping[str, Any]) -> None:
        for name, known in (("norm", ("heads", "layer")), ("decoder", ("spectral", "point"))):
            if options[name] not in known:
                raise expected(f"{name} {' or '.join(map(repr, known))}", repr(options[name]), "Correct the name.")
        if self.out_shape is None:
            return
        if self.coarse_shape is None:
            raise expected("a coarse_shape beside out_shape", "none", "Say on which grid the attention acts.")
        if any(out < coarse for out, coarse in zip(self.out_shape, self.coarse_shape, strict=True)):
            do = "Make coarse_shape smaller."
            raise expected(f"an out_shape of at least the coarse_shape {self.coarse_shape}", self.out_shape, do)

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
