"""The factorized Fourier neural operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.configuration import with_defaults
from surrogate.layers.factorized_convolution import FactorizedConvolution
from surrogate.layers.feed_forward import ACTIVATIONS, FeedForward
from surrogate.models.network import GridNetwork


class FFNO(GridNetwork):
    r"""Factorized Fourier neural operator: spectral convolutions along one axis each, residuals after feed-forward.

    .. math:: x \leftarrow x + W_2\, \phi(W_1\, \mathcal K x + b_1) + b_2, \qquad
              \mathcal K x = \sum_{a} \mathcal F_a^{-1} \big( W_a(k_a)\, \mathcal F_a x \big)

    A linear map lifts the input at every point, ``n_layers`` such layers follow, and two linear maps with an activation
    between them project to the output. Layers may be many: the residual is taken after all that is nonlinear.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    dim
        Number of space dimensions, 1 to 3.
    hidden_channels
        Channels of the layers. Good values: 32 to 64.
    n_layers
        Number of layers. Good values: 4 to 24.
    n_modes
        Wavenumbers kept along each axis, both signs counted; one number for all axes, or one for each.
    shared_weights
        Whether all layers have one spectral convolution in common.
    periodic
        For each axis (or for all) whether it is periodic; only used to make the coordinates where none are given.
    parameter_channels
        Scalars per sample, appended to the input as constant channels.
    options
        Rare settings, see `FFNO.OPTIONS`: ``coordinates`` appends the coordinates to the input;
        ``feed_forward_channels`` (None: 4 ``hidden_channels``), ``activation`` and rate ``dropout`` of the feed-forward
        part; ``projection_channels`` of the hidden layer before the output.

    Raises
    ------
    InputError
        Unknown option or activation, or a number of modes for each axis that does not match ``dim``.

    Notes
    -----
    The linear maps are without the weight normalization that the authors train with.

    References
    ----------
    A. Tran et al., "Factorized Fourier Neural Operators", ICLR 2023, arXiv:2111.13802.
    """

    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "coordinates": True,
        "feed_forward_channels": None,
        "activation": "relu",
        "dropout": 0.0,
        "projection_channels": 128,
    }

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int = 2,
        hidden_channels: int = 32,
        n_layers: int = 4,
        n_modes: int | Sequence[int] = 32,
        shared_weights: bool = False,
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.hidden_channels, self.n_layers, self.options = hidden_channels, n_layers, dict(options or {})
        self.shared_weights = shared_weights
        self.n_modes = [n_modes] * dim if isinstance(n_modes, int) else list(n_modes)
        if len(self.n_modes) != dim:
            raise expected(f"n_modes for each of {dim} axes", n_modes, "Give one number, or one for each axis.")
        full = with_defaults(options, self.OPTIONS)
        activation, width = full["activation"], full["feed_forward_channels"] or 4 * hidden_channels
        if activation not in ACTIVATIONS:
            raise expected(f"activation out of {', '.join(ACTIVATIONS)}", repr(activation), "Correct the name.")
        self.uses_coordinates = full["coordinates"]
        self.lift = nn.Linear(in_channels + parameter_channels + dim * self.uses_coordinates, hidden_channels)
        kept = [n // 2 + 1 for n in self.n_modes]
        n_convolutions = 1 if shared_weights else n_layers
        self.convolutions = nn.ModuleList(FactorizedConvolution(hidden_channels, kept) for _ in range(n_convolutions))
        self.feed_forwards = nn.ModuleList(
            FeedForward(hidden_channels, width, activation=activation, dropout=full["dropout"]) for _ in range(n_layers)
        )
        self.projection = nn.Sequential(
            nn.Linear(hidden_channels, full["projection_channels"]),
            ACTIVATIONS[activation](),
            nn.Linear(full["projection_channels"], out_channels),
        )

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *space"]:
        """Return the output fields: see `GridNetwork.forward`."""
        x = self.entering(x, coordinates, parameters)
        features = self.lift(x.movedim(1, -1))
        for layer, feed_forward in enumerate(self.feed_forwards):
            convolution = self.convolutions[0 if self.shared_weights else layer]
            mixed = convolution(features.movedim(-1, 1)).movedim(1, -1)
            features = features + feed_forward(mixed)
        y: Tensor = self.projection(features)
        return y.movedim(-1, 1)

    @classmethod
    def modes_for(cls, shape: Sequence[int]) -> dict[str, Any]:
        """Return 32 modes along each axis, or what a grid of this shape holds if that is less."""
        return {"n_modes": [min(32, n) for n in shape]}
