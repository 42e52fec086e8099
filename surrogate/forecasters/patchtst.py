"""The patch time-series transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.forecasters import patchtst_reference
from surrogate.forecasters.forecaster import Forecaster
from surrogate.layers.configuration import with_defaults
from surrogate.layers.feed_forward import FeedForward
from surrogate.layers.residual_attention import ResidualAttention
from surrogate.layers.rev_in import RevIN
from surrogate.layers.series_linear import SeriesLinear
from surrogate.layers.trend import moving_average


class PatchTST(Forecaster):
    r"""Transformer on patches of each series alone: a token is a linear map of ``patch_length`` values.

    The window is normalized (`RevIN`), continued by ``stride`` copies of its last value, and cut into overlapping
    patches. All series pass the same encoder and the same linear head, one by one (channel independence).
    Layers are post-norm with batch normalization; the attention scores add up from layer to layer.

    Parameters
    ----------
    channels
        Number of series.
    history, horizon
        Number of values that enter and that leave.
    patch_length, stride
        Length of a patch, and distance between two.
    hidden_channels
        Features of a token. Good values: 16 (a few thousand rows) to 128.
    n_layers, n_heads
        Encoder layers and attention heads; the heads divide ``hidden_channels``.
    dropout
        Rate, after the positions, in the feed-forward part and of both branches of a layer.
    options
        Rare settings, see `PatchTST.OPTIONS`: ``feed_forward_channels`` (None: 2 ``hidden_channels``), ``activation``;
        ``residual_attention``; ``pad_end``: the copies of the last value (without them
        the first values that fill no patch are left out); ``head_dropout``; ``individual``: a head
        for each series; ``normalized``: `RevIN` at all, its ``affine`` and ``subtract_last``;
        ``decomposition``: one network for the moving average of ``kernel`` values and one for the rest.

    Raises
    ------
    InputError
        Unknown option, patches longer than the window, heads that do not divide the features.

    Notes
    -----
    Batch normalization mixes the windows of a batch in training; in evaluation mode each is alone. The public
    implementation has arguments that do not do what they say and have no counterpart here: ``norm`` (batch
    normalization whatever it says) and ``pre_norm`` (the residual is taken after the normalization).

    References
    ----------
    Y. Nie et al., "A Time Series is Worth 64 Words", ICLR 2023, arXiv:2211.14730. The residual attention is in the
    authors' code, not in the paper.
    """

    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "feed_forward_channels": None,
        "activation": "gelu",
        "residual_attention": True,
        "pad_end": True,
        "head_dropout": 0.0,
        "individual": False,
        "normalized": True,
        "affine": False,
        "subtract_last": False,
        "decomposition": False,
        "kernel": 25,
    }
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Mapping[str, Any]]]] = patchtst_reference.published()

    def __init__(
        self,
        channels: int,
        *,
        history: int,
        horizon: int,
        patch_length: int = 16,
        stride: int = 8,
        hidden_channels: int = 128,
        n_layers: int = 3,
        n_heads: int = 16,
        dropout: float = 0.2,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(channels, history=history, horizon=horizon)
        self.patch_length, self.stride, self.hidden_channels = patch_length, stride, hidden_channels
        self.n_layers, self.n_heads, self.dropout, self.options = n_layers, n_heads, dropout, dict(options or {})
        full = with_defaults(options, self.OPTIONS)
        if not 1 <= patch_length <= history or stride < 1:
            got = f"{patch_length} with stride {stride}"
            raise expected(f"patches of 1 to {history} values", got, "Use shorter patches or a longer history.")
        self.kernel = full["kernel"] if full["decomposition"] else None
        self.networks = nn.ModuleList(self._network(full) for _ in range(1 if self.kernel is None else 2))

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch horizon channel"]:
        """Return the forecast: see `Forecaster.forward`."""
        self.check(x)
        if self.kernel is None:
            forecast: Tensor = self.networks[0](x)
            return forecast
        trend = moving_average(x.mT, self.kernel).mT
        remainder, level = self.networks
        both: Tensor = remainder(x - trend) + level(trend)
        return both

    @classmethod
    def from_reference(cls, config: Mapping[str, Any], state: Mapping[str, Tensor], *, reference: str) -> PatchTST:
        """Return our network with the weights of the reference implementation.

        Parameters
        ----------
        config
            The fields of its settings, ``enc_in``, ``seq_len``, ``pred_len``, ``d_model`` and so on.
        state
            Its state dict.
        reference
            ``"PatchTST_supervised"``.
        """
        patchtst_reference.check_variant(config, reference)
        network = cls(**patchtst_reference.arguments(config)).to(next(iter(state.values())).dtype)
        network.load_state_dict(patchtst_reference.weights(state))
        return network

    def _network(self, options: Mapping[str, Any]) -> _PatchNetwork:
        padding = self.stride if options["pad_end"] else 0
        steps, rest = divmod(self.history + padding - self.patch_length, self.stride)
        rev_in = RevIN(self.channels, affine=options["affine"], subtract_last=options["subtract_last"])
        heads = self.channels if options["individual"] else None
        return _PatchNetwork(
            rev_in if options["normalized"] else None,
            [self._layer(options) for _ in range(self.n_layers)],
            SeriesLinear(self.hidden_channels * (steps + 1), self.horizon, channels=heads),
            tokens=steps + 1,
            patch_length=self.patch_length,
            stride=self.stride,
            padding=(0 if padding else -rest, padding),
            hidden_channels=self.hidden_channels,
            dropout=self.dropout,
            head_dropout=options["head_dropout"],
        )

    def _layer(self, options: Mapping[str, Any]) -> _PatchLayer:
        d = self.hidden_channels
        inner = options["feed_forward_channels"] or 2 * d
        return _PatchLayer(
            ResidualAttention(d, n_heads=self.n_heads),
            FeedForward(d, inner, activation=options["activation"], dropout=self.dropout),
            d,
            residual=options["residual_attention"],
            dropout=self.dropout,
        )


class _PatchNetwork(nn.Module):
    """Normalization, patches, encoder and head for one part of the series."""

    def __init__(
        self,
        rev_in: RevIN | None,
        layers: Sequence[_PatchLayer],
        head: SeriesLinear,
        *,
        tokens: int,
        patch_length: int,
        stride: int,
        padding: tuple[int, int],
        hidden_channels: int,
        dropout: float,
        head_dropout: float,
    ) -> None:
        super().__init__()
        self.patch_length, self.stride, self.padding = patch_length, stride, padding
        self.rev_in = rev_in
        self.embedding = nn.Linear(patch_length, hidden_channels)
        self.positions = nn.Parameter(torch.empty(tokens, hidden_channels).uniform_(-0.02, 0.02))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(layers)
        self.head = head
        self.head_dropout = nn.Dropout(head_dropout)

    def forward(self, x: Tensor) -> Tensor:
        z, instance = (x, None) if self.rev_in is None else self.rev_in.normalize(x)
        series = nn.functional.pad(z.mT, self.padding, mode="replicate")  # a negative number cuts
        tokens = self.embedding(series.unfold(-1, self.patch_length, self.stride)) + self.positions
        features, scores = self.dropout(tokens).flatten(0, 1), None
        for layer in self.layers:
            features, scores = layer(features, scores)
        flat = features.unflatten(0, tokens.shape[:2]).mT.flatten(2)
        forecast: Tensor = self.head_dropout(self.head(flat)).mT
        return forecast if self.rev_in is None or instance is None else self.rev_in.denormalize(forecast, instance)


class _PatchLayer(nn.Module):
    """Attention and feed-forward part, each with residual and batch normalization."""

    def __init__(
        self, attention: ResidualAttention, feed_forward: FeedForward, channels: int, *, residual: bool, dropout: float
    ) -> None:
        super().__init__()
        self.residual = residual
        self.attention = attention
        self.feed_forward = feed_forward
        self.dropouts = nn.ModuleList(nn.Dropout(dropout) for _ in range(3))
        self.norms = nn.ModuleList(nn.BatchNorm1d(channels) for _ in range(2))

    def forward(self, x: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor | None]:
        new, scores = self.attention(x, before)
        new = self.dropouts[1](self.dropouts[0](new))  # twice, as in the public implementation
        x = self.norms[0]((x + new).mT).mT
        x = self.norms[1]((x + self.dropouts[2](self.feed_forward(x))).mT).mT
        return x, scores if self.residual else None
