"""IFactFormer: one attention by kernels of single axes, iterated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.configuration import with_defaults
from surrogate.layers.factorized_attention import FactorizedAttention
from surrogate.layers.fourier_features import FourierFeatures
from surrogate.layers.grid_axis import grid_axes
from surrogate.layers.grid_lift import GridLift
from surrogate.layers.iterated_attention import IteratedAttention
from surrogate.layers.point_decoder import PointDecoder
from surrogate.models import ifactformer_published, ifactformer_reference
from surrogate.models.network import GridNetwork


class IFactFormer(GridNetwork):
    r"""Implicit factorized transformer: steps :math:`u \leftarrow u + A(u) / L` with one attention A for all of them.

    Features are lifted at every point and pass ``n_layers`` layers. Each adds random Fourier features of the
    coordinates, and then the result of its one `surrogate.layers.FactorizedAttention`, L times: see
    `surrogate.layers.IteratedAttention`. Two linear maps with a GELU between decode the features.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    dim
        Number of space dimensions, 1 to 3.
    hidden_channels
        Features of a point, even. Good values: 64 to 128.
    n_layers
        Number of layers with weights of their own.
    n_iterations
        L, the number of steps in each layer. Weights do not depend on it.
    n_heads, head_channels
        Heads of the attention and channels of each.
    parallel
        Kernels of the axes side by side (IFactFormer-m, for turbulent channels) or one after another (IFactFormer-o).
    periodic
        For each axis (or for all) whether it is periodic; for quadrature, and for coordinates where none are given.
    parameter_channels
        Scalars per sample, appended to the input as constants.
    options
        Rare settings, see `IFactFormer.OPTIONS`:
        ``attention``: ``"factorized"``, or, to see what it is worth, ``"softmax"`` over the points of each axis or
        ``"identity"``: none; ``kernel_multiplier``: width of query and key in multiples of ``head_channels``; ``norm``
        of the attention: ``"group"``, ``"slices"``, ``"instance"``; ``quadrature``: weigh points by the length they
        stand for; ``small_kernels``: start as the authors' implementation does, where almost nothing comes from an
        attention with kernels one after another; ``second_map``: two more linear maps behind the attention (with the
        norm ``"slices"``: the authors' first version); ``extent`` of the box along every axis (or along each), by which
        the unit coordinates are multiplied; ``position_scale``: standard deviation of the random frequencies;
        ``in_fields`` per frame: lift them one by one, then their frames (None: one linear map); ``checkpointing``: keep
        only what enters each step for the backward pass, and compute the rest again there.

    Raises
    ------
    InputError
        Unknown option, attention or norm; no iterations; channels that do not divide as said above.

    Notes
    -----
    The grid must be a product of axes: the coordinates of each are read off its first line. The authors' coordinates
    are equally spaced also between walls, and include both ends of periodic axes; ours are those of the grid.

    References
    ----------
    H. Yang, Y. Wang, J. Wang, "Implicit factorized transformer approach to fast prediction of turbulent channel flows",
    Sci. China Phys. Mech. Astron. 69, 2026, arXiv:2412.18840.

    H. Yang, Z. Li, X. Wang, J. Wang, "An implicit factorized transformer with applications to fast prediction of
    three-dimensional turbulence", Theor. Appl. Mech. Lett., 2024.
    """

    knows_spacing = True
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "attention": "factorized",
        "kernel_multiplier": 3,
        "norm": "instance",
        "quadrature": True,
        "small_kernels": False,
        "second_map": False,
        "extent": 1.0,
        "position_scale": 1.0,
        "in_fields": None,
        "checkpointing": False,
    }
    PUBLISHED = ifactformer_published.PUBLISHED

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int = 2,
        hidden_channels: int = 64,
        n_layers: int = 1,
        n_iterations: int = 10,
        n_heads: int = 4,
        head_channels: int = 32,
        parallel: bool = True,
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.hidden_channels, self.n_layers, self.n_iterations = hidden_channels, n_layers, n_iterations
        self.n_heads, self.head_channels, self.parallel = n_heads, head_channels, parallel
        self.options, full = dict(options or {}), with_defaults(options, self.OPTIONS)
        if hidden_channels % 2:
            raise expected("even hidden_channels", hidden_channels, "Round them.")
        if n_iterations < 1:
            raise expected("n_iterations of at least 1", n_iterations, "One step is a plain residual layer.")
        self.geometry = {name: full[name] for name in ("extent", "quadrature")}
        fields = full["in_fields"]
        self.lift = GridLift(in_channels, hidden_channels, in_fields=fields, parameter_channels=parameter_channels)
        self.layers = nn.ModuleList(self._layer(full) for _ in range(n_layers))
        self.decoder = PointDecoder([hidden_channels, hidden_channels // 2, out_channels], norm_groups=None)

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *space"]:
        """Return the output fields: see `GridNetwork.forward`."""
        x, points = self.gather(x, coordinates, parameters)
        axes, features = grid_axes(points, self.periodic, **self.geometry), self.lift(x)
        for layer in self.layers:
            features = layer(features, axes)
        y: Tensor = self.decoder(features)
        return y

    @classmethod
    def from_reference(cls, config: Mapping[str, Any], state: Mapping[str, Tensor], *, reference: str) -> IFactFormer:
        """Return our network with the weights of a network of the authors' implementation.

        Coordinates are those of the reference (``extent`` is 1), points weigh the same, and kernels are small.

        Parameters
        ----------
        config
            Its constructor arguments.
        state
            Its state dict.
        reference
            ``"IFactFormer_m"`` or ``"IFactFormer_o"``; of the first version, with which the published results were
            made, ``"IFactFormer_m/v1"`` or ``"IFactFormer_o/v1"``.

        Raises
        ------
        InputError
            Unknown reference.
        """
        network = cls(**ifactformer_reference.arguments(config, reference)).to(next(iter(state.values())).dtype)
        network.load_state_dict(ifactformer_reference.weights(state, reference))
        return network

    def _layer(self, options: Mapping[str, Any]) -> IteratedAttention:
        attention = FactorizedAttention(
            self.hidden_channels,
            n_heads=self.n_heads,
            head_channels=self.head_channels,
            dim=self.dim,
            kind=options["attention"],
            parallel=self.parallel,
            **{name: options[name] for name in ("kernel_multiplier", "norm", "small_kernels")},
        )
        return IteratedAttention(
            FourierFeatures(self.hidden_channels, dim=self.dim, scale=options["position_scale"]),
            attention,
            n_iterations=self.n_iterations,
            second_map=self.hidden_channels if options["second_map"] else None,
            checkpointing=options["checkpointing"],
        )
