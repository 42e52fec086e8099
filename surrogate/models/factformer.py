"""FactFormer: attention by kernels of single axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.configuration import with_defaults
from surrogate.layers.convolution_branch import ConvolutionBranch
from surrogate.layers.factorized_attention import FactorizedAttention
from surrogate.layers.fourier_features import FourierFeatures
from surrogate.layers.grid_axis import GridAxis, grid_axes
from surrogate.layers.grid_lift import GridLift
from surrogate.layers.latent_marching import LatentMarching
from surrogate.layers.point_decoder import PointDecoder
from surrogate.models import factformer_published, factformer_reference
from surrogate.models.network import GridNetwork

GROUPS = 8  # of channels that the decoder keeps apart


class FactFormer(GridNetwork):
    r"""Transformer whose attention is a kernel integral, with a kernel that is a product of kernels of single axes.

    Features are lifted at every point and pass ``n_layers`` layers: random Fourier features of the coordinates are
    added, then the result of `surrogate.layers.FactorizedAttention`. From there a propagator marches in latent space,
    ``latent_steps`` times, and every state is decoded to a frame; or, without latent steps, the features are decoded.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave. With latent steps they leave frame after frame, so ``out_channels`` is a
        multiple of ``latent_steps``.
    dim
        Number of space dimensions, 1 to 3.
    hidden_channels
        Features of a point; a multiple of 8. Good values: 64 to 128.
    n_layers
        Number of layers.
    n_heads, head_channels
        Heads of the attention and channels of each.
    latent_steps
        Number of steps, each one frame; 0 for a steady map.
    periodic
        For each axis (or for all) whether it is periodic; for quadrature, and for coordinates where none are given.
    parameter_channels
        Scalars per sample, appended to the input as constants.
    options
        Rare settings, see `FactFormer.OPTIONS`:
        ``attention``: ``"factorized"``, or, to see what it is worth, ``"softmax"`` over the points of each axis or
        ``"identity"``: none; ``kernel_multiplier``: width of query and key in multiples of ``head_channels``; ``norm``
        of the attention: ``"group"``, ``"slices"``, ``"instance"``; ``quadrature``: weigh points by the length they
        stand for; ``small_kernels``: start as the authors' implementation does, with almost nothing from the attention;
        ``extent`` of the box along every axis (or along each), by which the unit coordinates are multiplied;
        ``position_scale``: standard deviation of the random frequencies; ``in_fields`` per frame: lift them one by one,
        then their frames (None: one linear map); ``latent_multiplier``: latent channels in multiples of
        ``hidden_channels``; ``decoder_groups`` of the norm before the decoder; ``convolution_branch``: convolutions
        that see the boundary beside the result of the layers; ``padding``: points of zeros appended at the far end of
        every axis for the layers, which then see no axis as periodic.

    Raises
    ------
    InputError
        Unknown option, attention or norm; channels that do not divide as said above.

    Notes
    -----
    The grid must be a product of axes: the coordinates of each are read off its first line.

    References
    ----------
    Z. Li, D. Shu, A. Barati Farimani, "Scalable Transformer for PDE Surrogate Modeling", NeurIPS 2023,
    arXiv:2305.17560.
    """

    knows_spacing = True
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "kernel_multiplier": 2,
        "attention": "factorized",
        "norm": "group",
        "quadrature": True,
        "small_kernels": False,
        "extent": 1.0,
        "position_scale": 1.0,
        "in_fields": None,
        "latent_multiplier": 2.0,
        "decoder_groups": GROUPS,
        "convolution_branch": False,
        "padding": 0,
    }
    PUBLISHED = factformer_published.PUBLISHED

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int = 2,
        hidden_channels: int = 64,
        n_layers: int = 4,
        n_heads: int = 4,
        head_channels: int = 32,
        latent_steps: int = 1,
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.hidden_channels, self.n_layers, self.n_heads = hidden_channels, n_layers, n_heads
        self.head_channels, self.latent_steps, self.options = head_channels, latent_steps, dict(options or {})
        full = with_defaults(options, self.OPTIONS)
        self._check(full)
        self.geometry = {name: full[name] for name in ("extent", "padding", "quadrature")}
        self.padding, fields = full["padding"], full["in_fields"]
        self.lift = GridLift(in_channels, hidden_channels, in_fields=fields, parameter_channels=parameter_channels)
        self.positions = nn.ModuleList(
            FourierFeatures(hidden_channels, dim=dim, scale=full["position_scale"]) for _ in range(n_layers)
        )
        self.layers = nn.ModuleList(self._attention(full) for _ in range(n_layers))
        self.branch = ConvolutionBranch(hidden_channels, dim=dim) if full["convolution_branch"] else None
        channels, groups = hidden_channels * (2 if self.branch else 1), full["decoder_groups"]
        if latent_steps:
            latent = int(full["latent_multiplier"] * hidden_channels)
            self.marching = LatentMarching(channels, latent, hidden_channels, latent_steps)
            widths = [latent, hidden_channels, hidden_channels // 2, out_channels // latent_steps]
            self.decoder = PointDecoder(widths, norm_groups=groups, first_groups=GROUPS)
        else:
            self.decoder = PointDecoder([channels, hidden_channels, out_channels], norm_groups=groups)

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *space"]:
        """Return the output fields, all frames after another: see `GridNetwork.forward`."""
        if self.latent_steps:
            return self.march(x, coordinates, parameters, steps=self.latent_steps).flatten(1, 2)
        y: Tensor = self.decoder(self._features(x, coordinates, parameters))
        return y

    def march(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
        *,
        steps: int,
    ) -> Float[Tensor, "batch step out *space"]:
        """Return the frames after the first ``steps`` latent steps, as a curriculum over the horizon needs them.

        Raises
        ------
        InputError
            As `forward`; fewer steps than 1 or more than ``latent_steps``.
        """
        if not 1 <= steps <= self.latent_steps:
            raise expected(f"steps from 1 to {self.latent_steps}", steps, "Build the network with more latent steps.")
        states = self.marching(self._features(x, coordinates, parameters), steps)
        y: Tensor = self.decoder(states.flatten(0, 1))
        return y.reshape(steps, len(x), *y.shape[1:]).transpose(0, 1)

    def kernels(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> list[list[Float[Tensor, "batch head point source"]]]:
        """Return for every layer the kernel of every axis at all pairs of points: see `FactorizedAttention`.

        Their singular values tell how compact they are. With padding the axes are those of the padded grid.
        """
        features, axes = self._lift(x, coordinates, parameters)
        result = []
        for position, layer in zip(self.positions, self.layers, strict=True):
            features = features + position(axes)
            result.append(cast("FactorizedAttention", layer).kernels(features, axes))
            features = features + layer(features, axes)
        return result

    @classmethod
    def from_reference(cls, config: Mapping[str, Any], state: Mapping[str, Tensor], *, reference: str) -> FactFormer:
        """Return our network with the weights of a network of the authors' implementation.

        Coordinates are those of the reference (``extent`` is 1), points weigh the same, and kernels are small.

        Parameters
        ----------
        config
            The section ``model`` of its configuration. The name ``norm_variant``, not known there, tells which norm its
            attention has: ``"group"`` (the last commit, and the default), ``"slices"`` (before) or ``"instance"``.
        state
            Its state dict.
        reference
            Name of its script: ``"turb_ns2d_fact_lm"``, ``"turb_ns3d_fact_lm"``, ``"threed_smokesim_fact_lm"`` or
            ``"darcy2d_fact"``.

        Raises
        ------
        InputError
            Unknown script.
        """
        network = cls(**factformer_reference.arguments(config, reference)).to(next(iter(state.values())).dtype)
        network.load_state_dict(factformer_reference.weights(state))
        return network

    def _lift(
        self, x: Tensor, coordinates: Tensor | None, parameters: Tensor | None
    ) -> tuple[Tensor, tuple[GridAxis, ...]]:
        x, points = self.gather(x, coordinates, parameters)
        axes, features = grid_axes(points, self.periodic, **self.geometry), self.lift(x)
        if self.padding:
            features = nn.functional.pad(features, [0, 0] + [0, self.padding] * self.dim)
        return features, axes

    def _features(self, x: Tensor, coordinates: Tensor | None, parameters: Tensor | None) -> Tensor:
        features, axes = self._lift(x, coordinates, parameters)
        for position, layer in zip(self.positions, self.layers, strict=True):
            features = features + position(axes)
            features = features + layer(features, axes)
        features = features[(slice(None), *(slice(n) for n in x.shape[2:]))]
        return features if self.branch is None else torch.cat([self.branch(features), features], dim=-1)

    def _attention(self, options: Mapping[str, Any]) -> FactorizedAttention:
        return FactorizedAttention(
            self.hidden_channels,
            n_heads=self.n_heads,
            head_channels=self.head_channels,
            dim=self.dim,
            kind=options["attention"],
            **{name: options[name] for name in ("kernel_multiplier", "norm", "small_kernels")},
        )

    def _check(self, options: Mapping[str, Any]) -> None:
        if self.hidden_channels % GROUPS:
            raise expected(f"hidden_channels divisible by {GROUPS}", self.hidden_channels, "Round them.")
        if self.latent_steps < 0:
            raise expected("latent_steps of at least 0", self.latent_steps, "Give 0 for a steady map.")
        if self.latent_steps and self.out_channels % self.latent_steps:
            do = "Every latent step gives one frame."
            raise expected(f"out_channels divisible by {self.latent_steps} latent_steps", self.out_channels, do)
        latent = int(options["latent_multiplier"] * self.hidden_channels)
        if self.latent_steps and (latent % GROUPS or latent % options["decoder_groups"]):
            groups = sorted({GROUPS, options["decoder_groups"]})
            raise expected(f"latent channels divisible by {groups}", latent, "Change latent_multiplier.")
