"""The general neural operator transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.points import Points
from surrogate.layers.configuration import Configured, with_defaults
from surrogate.layers.feed_forward import ACTIVATIONS
from surrogate.layers.gnot_block import GNOTBlock, Part
from surrogate.layers.linear_attention import KINDS, LinearAttention
from surrogate.layers.mixture import GeometricGate, Mixture
from surrogate.layers.point_attention import PointAttention
from surrogate.layers.residual_mlp import ResidualMLP
from surrogate.layers.segments import segment_order
from surrogate.models import gnot_reference
from surrogate.models.point_network import point_sizes

if TYPE_CHECKING:
    import xarray as xr

RECIPE = {
    "epochs": 500,
    "batch_size": 4,
    "learning_rate": 1e-3,
    "weight_decay": 5e-6,
    "warmup": 0.2,
    "gradient_clip": 1000.0,
    "seed": 2023,
}
CHUNKS = {"cpu": 8_192, "cuda": 262_144}  # what lies between the maps stays in the cache; the memory stays bounded
CYLINDERS = {"in_channels": [0], "out_channels": 3, "dim": 2, "parameter_channels": 12}


class GNOT(Configured, nn.Module):
    r"""Transformer from any number of input functions, each on its own points, to fields at query points.

    Query points (with the parameters of their sample) and the points of each function (with its values) are lifted by
    networks of their own; ``n_layers`` blocks follow (see `surrogate.layers.GNOTBlock`), and an output network. The
    cost is linear in the number of points. Samples of different size enter one after another, without padding: the
    answer for a sample does not depend on its batch.

    Parameters
    ----------
    in_channels
        For each input function the channels of its values; 0 for one that is given by its points alone, as a boundary.
    out_channels
        Channels that leave.
    dim
        Number of space dimensions.
    hidden_channels
        Features of a point. Good values: 64 to 256.
    n_layers
        Number of blocks. Good values: 3 to 5.
    n_heads
        Number of heads; divides ``hidden_channels``.
    n_experts
        Number of experts, chosen among by position: about the number of parts of the domain that differ.
    parameter_channels
        Scalars per sample.
    options
        Rare settings, see `GNOT.OPTIONS`:
        ``attention``, ``average``: see `surrogate.layers.LinearAttention`; or, to see what it is worth, ``"softmax"``
        and ``"identity"`` of `surrogate.layers.PointAttention`, the second among the query points only;
        ``cross_attention`` to the functions (None: as ``attention``, ``"linear"`` beside ``"identity"``);
        ``feed_forward_channels`` (None: 4 ``hidden_channels``), also of the gate; ``mlp_layers``: residual layers of
        the networks that lift and of the last one; ``activation`` of all but the last one;
        ``pre_norm``: see `surrogate.layers.GNOTBlock`; ``octaves``: all that is lifted is joined by its sine and cosine
        at the frequencies :math:`2^{-n} \ldots 2^n`, 0 for none; ``function_dims``, for each function the number of its
        coordinates (None: ``dim``); rates ``dropout`` (of both attentions) and ``attention_dropout`` (inside the one
        among query points); ``chunk_size``: query points that pass a part of a block at a time (None: what suits the
        device), which changes nothing but cost and memory.

    Raises
    ------
    InputError
        Unknown option, attention or activation, heads that do not divide the channels.

    References
    ----------
    Z. Hao et al., "GNOT: A General Neural Operator Transformer for Operator Learning", ICML 2023, arXiv:2302.14376.
    """

    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "attention": "linear",
        "cross_attention": None,
        "average": False,
        "feed_forward_channels": None,
        "mlp_layers": 3,
        "activation": "gelu",
        "pre_norm": False,
        "octaves": 0,
        "function_dims": None,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "chunk_size": None,
    }
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
        "cylinders": {"network": CYLINDERS, "training": RECIPE},
        "cylinders_plain": {
            "network": {**CYLINDERS, "hidden_channels": 128, "options": {"pre_norm": True}},
            "training": {**RECIPE, "weight_decay": 5e-5},
        },
    }

    def __init__(
        self,
        in_channels: int | Sequence[int],
        out_channels: int,
        *,
        dim: int,
        hidden_channels: int = 64,
        n_layers: int = 3,
        n_heads: int = 1,
        n_experts: int = 1,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = [in_channels] if isinstance(in_channels, int) else list(in_channels)
        self.out_channels, self.dim, self.parameter_channels = out_channels, dim, parameter_channels
        self.hidden_channels, self.n_layers, self.n_heads = hidden_channels, n_layers, n_heads
        self.n_experts, self.options = n_experts, dict(options or {})
        full = with_defaults(options, self.OPTIONS)
        if full["activation"] not in ACTIVATIONS:
            raise expected(f"activation out of {', '.join(ACTIVATIONS)}", repr(full["activation"]), "Correct the name.")
        self.octaves, self.chunk_size = full["octaves"], full["chunk_size"]
        self.function_dims = list(full["function_dims"] or [dim] * len(self.in_channels))
        if len(self.function_dims) != len(self.in_channels):
            what = f"function_dims for {len(self.in_channels)} functions"
            raise expected(what, self.function_dims, "Give one number for each.")
        widths = [*map(sum, zip(self.function_dims, self.in_channels, strict=True))]
        self.lift = self._lift(dim + parameter_channels, full)
        self.function_lifts = nn.ModuleList(self._lift(width, full) for width in widths)
        self.blocks = nn.ModuleList(self._block(full) for _ in range(n_layers))
        self.projection = ResidualMLP(hidden_channels, hidden_channels, out_channels, n_layers=full["mlp_layers"])

    def forward(
        self,
        x: Points | Sequence[Points],
        coordinates: Points | None = None,
        parameters: Float[Tensor, "samples parameter"] | None = None,
    ) -> Float[Tensor, "points out"]:
        """Return the output at the query points, one sample after another.

        Parameters
        ----------
        x
            The input functions, in the order of ``in_channels``.
        coordinates
            The query points; values that they may have are left aside. Default: the points of the first function.
        parameters
            Scalars of each sample, ``(samples, parameter_channels)``.

        Raises
        ------
        InputError
            Wrong number of functions, channels, coordinates, parameters or samples.
        """
        functions = (x,) if isinstance(x, Points) else tuple(x)
        query = self._gather(functions, coordinates, parameters)
        given = [self._parts(*pair)[0] for pair in zip(functions, self.function_lifts, strict=True)]
        parts, orders = self._parts(query, self.lift)
        for block in self.blocks:
            parts = block(parts, given)
        y = [(self.projection(part.features), order) for part, order in zip(parts, orders, strict=True)]
        return torch.cat([rows.new_empty(rows.shape).index_copy(0, order, rows) for rows, order in y])

    @classmethod
    def from_reference(cls, config: Mapping[str, Any], state: Mapping[str, Tensor], *, reference: str) -> GNOT:
        """Return our network with the weights of a network of the reference implementation.

        Parameters
        ----------
        config
            Constructor arguments of the reference's class; for ``"CGPT"`` also ``space_dim``.
        state
            Its state dict.
        reference
            Name of its class: ``"GNOT"``, or ``"CGPT"`` (plain feed-forward networks behind a normalization).

        Notes
        -----
        The first coordinates of an input function of the reference are its positions, the rest are our values. The gate
        of a single expert, which has no effect, is left out. There is nothing like the reference's padding.
        """
        network = cls(**gnot_reference.arguments(config, reference)).to(next(iter(state.values())).dtype)
        network.load_state_dict(gnot_reference.weights(state, gated=network.n_experts > 1))
        return network

    @classmethod
    def sizes_for(cls, data: xr.DataTree | xr.Dataset) -> dict[str, Any]:
        """Return functions, channels and dimension for data on meshes: see `for_data`.

        Raises
        ------
        InputError
            The data are on a grid.
        """
        return point_sizes(data)

    def _lift(self, width: int, options: Mapping[str, Any]) -> ResidualMLP:
        joined = width * (4 * self.octaves + 3 if self.octaves else 1)
        layers, activation = options["mlp_layers"], options["activation"]
        return ResidualMLP(joined, self.hidden_channels, self.hidden_channels, n_layers=layers, activation=activation)

    def _block(self, options: Mapping[str, Any]) -> GNOTBlock:
        channels, experts, activation = self.hidden_channels, self.n_experts, options["activation"]
        inner = options["feed_forward_channels"] or 4 * channels
        own = options["attention"]
        cross = options["cross_attention"] or ("linear" if own == "identity" else own)
        if cross == "identity":
            do = "It is the only way from the functions to the query points."
            raise expected("a cross_attention that mixes points", "'identity'", do)
        return GNOTBlock(
            self._attention(cross, n_functions=len(self.in_channels), average=options["average"]),
            self._attention(own, dropout=options["attention_dropout"]),
            [Mixture(channels, inner, n_experts=experts, activation=activation) for _ in range(2)],
            GeometricGate(self.dim, inner, experts, activation=activation) if experts > 1 else None,
            channels=channels,
            n_functions=len(self.in_channels),
            pre_norm=options["pre_norm"],
            dropout=options["dropout"],
        )

    def _attention(self, kind: str, **arguments: Any) -> LinearAttention | PointAttention:
        known = (*KINDS, "softmax", "identity")
        if kind not in known:
            raise expected(f"attention out of {', '.join(known)}", repr(kind), "Correct the name.")
        module = LinearAttention if kind in KINDS else PointAttention
        return module(self.hidden_channels, n_heads=self.n_heads, kind=kind, **arguments)

    def _gather(self, functions: Sequence[Points], coordinates: Points | None, parameters: Tensor | None) -> Points:
        """Return the query points, the parameters of their sample as values; raise `InputError` if input is wrong."""
        if len(functions) != len(self.in_channels):
            what = f"{len(self.in_channels)} input functions"
            raise expected(what, len(functions), "Give the points of each function.")
        if coordinates is None and not functions:
            raise expected("query points", "no functions and no coordinates", "Give `coordinates`.")
        query = functions[0] if coordinates is None else coordinates
        check_shape(query, "the query points", self.dim, None, query.n_samples)
        if query.coordinates.shape[0] == 0:
            raise expected("query points", "none", "Say where the output is wanted.")
        for i, function in enumerate(functions):
            check_shape(function, f"function {i}", self.function_dims[i], self.in_channels[i], query.n_samples)
        shape = (query.n_samples, self.parameter_channels)
        given = (query.n_samples, 0) if parameters is None else tuple(parameters.shape)
        if given != shape:
            raise expected(f"parameters of shape {shape}", given, "Correct `parameters`.")
        rows = None if parameters is None else parameters.to(query.coordinates.dtype).index_select(0, query.batch)
        return query._replace(values=rows)

    def _parts(self, points: Points, lift: nn.Module) -> tuple[list[Part], list[Tensor]]:
        """Return the points lifted, in parts, each in the order that sums over samples want, and these orders."""
        n, device = points.coordinates.shape[0], points.coordinates.device.type
        size = self.chunk_size or CHUNKS.get(device, CHUNKS["cuda"])
        cut = [points.rows(start, min(start + size, n)) for start in range(0, n, size)] if n > size else [points]
        ptrs = [piece.ptr.cpu() for piece in cut]
        orders = [segment_order(ptr, piece.coordinates.shape[0]) for ptr, piece in zip(ptrs, cut, strict=True)]
        orders = [order.to(points.coordinates.device) for order in orders]
        parts = []
        for piece, ptr, order in zip(cut, ptrs, orders, strict=True):
            positions, *values = (x.index_select(0, order) for x in (piece.coordinates, piece.values) if x is not None)
            joined = torch.cat([positions, *values], dim=-1)
            features = lift(with_waves(joined, self.octaves) if self.octaves else joined)
            parts.append(Part(features, positions, ptr))
        return parts, orders


def with_waves(x: Float[Tensor, "points channel"], octaves: int) -> Float[Tensor, "points joined"]:
    r"""Return every channel followed by its cosines, then its sines, at the frequencies :math:`2^{-n} \ldots 2^n`."""
    phases = x[..., None] * 2.0 ** torch.arange(-octaves, octaves + 1, dtype=x.dtype, device=x.device)
    return torch.cat([x[..., None], phases.cos(), phases.sin()], dim=-1).flatten(1)


def check_shape(points: Points, name: str, dim: int, channels: int | None, samples: int) -> None:
    """Raise `InputError` unless points have these numbers of coordinates, channels (None: any) and samples."""
    points.check(name)
    if points.coordinates.shape[1] != dim:
        raise expected(f"{name} in {dim} dimensions", points.coordinates.shape[1], "Give a column for each coordinate.")
    given = 0 if points.values is None else points.values.shape[1]
    if channels is not None and given != channels:
        raise expected(f"{channels} channels of {name}", given, "Give a column of `values` for each.")
    if points.n_samples != samples:
        raise expected(f"{samples} samples of {name}", points.n_samples, "Give each function for every sample.")
