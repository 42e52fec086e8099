"""The multigrid neural operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.configuration import with_defaults
from surrogate.layers.feed_forward import ACTIVATIONS
from surrogate.layers.multigrid_layer import MultigridLayer
from surrogate.layers.stencil import CONVOLUTIONS
from surrogate.layers.v_cycle import VCycle, coarser
from surrogate.models import mgno_reference
from surrogate.models.network import GridNetwork, resolution_of

if TYPE_CHECKING:
    import xarray as xr


class MgNO(GridNetwork):
    r"""Multigrid neural operator: layers :math:`x \mapsto \phi(W x + B x + b)` whose W is a V-cycle, a linear operator.

    B acts at each point. There is no lifting: the first layer takes the fields as they are, and the last map is linear
    at each point. The padding of the kernels is the boundary condition. Any size of grid enters that holds the levels;
    periodic fields are followed exactly by shifts of ``2 ** (levels - 1)`` points where that divides the size.

    The kernels have 3 points and know no distances: do not expect the same function at another resolution.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    dim
        Number of space dimensions, 1 to 3.
    hidden_channels
        Channels of the iterates. Good values: 20 to 32.
    n_layers
        Number of layers.
    n_smoothing
        For each level, finest first, the smoothing steps ``[before, after]`` the visit to coarser ones. The coarsest
        grid should have about 4 to 8 points along an axis.
    boundary
        What axes that are not periodic are padded with: ``"dirichlet"`` (zeros) or ``"neumann"`` (mirrored values); one
        for all axes, or one for each.
    residual_restriction
        Whether coarser levels see the residual, as the paper says, or the right-hand side, as its numbers were made.
    periodic
        For each axis (or for all) whether it is periodic.
    parameter_channels
        Scalars per sample, appended to the input as constant channels.
    resolution
        Shape of the only grid that may enter; needed for a ``norm``, whose weights belong to points.
    options
        Rare settings, see `MgNO.OPTIONS`: ``coordinates`` appends the coordinates to the input; ``activation``;
        ``smoothing_bias``; ``bypass``: whether there is a B; ``growing_channels``: l + 1 times the channels on level l;
        ``up_kernels``: 3 or 4 points, one number or one for each level but the coarsest; ``restriction_padding``: 1, or
        0 where restrictions stay inside the grid; ``boundary_in_prolongation``: False puts zeros beyond coarse grids,
        whatever the boundary; ``norm`` over channels and points: None, ``"cycle"`` on each level on the way up,
        ``"layer"`` before the activation; ``head``: ``"pointwise"`` or ``"cycle"``, a V-cycle as the last map;
        ``increment``: the network adds its result to its input.

    Raises
    ------
    InputError
        Unknown option or name, steps that do not fit, a norm without resolution, an increment to other channels.

    References
    ----------
    J. He, X. Liu and J. Xu, "MgNO: Efficient Parameterization of Linear Operators via Multigrid", ICLR 2024,
    arXiv:2310.19809.
    """

    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "coordinates": False,
        "activation": "gelu",
        "smoothing_bias": False,
        "bypass": True,
        "growing_channels": False,
        "up_kernels": 4,
        "restriction_padding": 1,
        "boundary_in_prolongation": True,
        "norm": None,
        "head": "pointwise",
        "increment": False,
    }
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Mapping[str, Any]]]] = mgno_reference.PUBLISHED

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int = 2,
        hidden_channels: int = 24,
        n_layers: int = 4,
        n_smoothing: Sequence[Sequence[int]] = ((1, 0), (1, 0), (1, 0), (1, 0), (2, 0)),
        boundary: str | Sequence[str] = "dirichlet",
        residual_restriction: bool = False,
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
        resolution: Sequence[int] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.hidden_channels, self.n_layers, self.options = hidden_channels, n_layers, dict(options or {})
        self.n_smoothing = [list(steps) for steps in n_smoothing]
        self.boundary = [boundary] * dim if isinstance(boundary, str) else list(boundary)
        self.residual_restriction = residual_restriction
        self.resolution = resolution_of(resolution, dim)
        full = with_defaults(options, self.OPTIONS)
        self.uses_coordinates, self.increment = full["coordinates"], full["increment"]
        self.padding = full["restriction_padding"]
        self._check(full)
        entering = in_channels + parameter_channels + (dim if self.uses_coordinates else 0)
        widths = [entering] + [hidden_channels] * (n_layers - 1)
        self.layers = nn.ModuleList(self._layer(channels, full) for channels in widths)
        if full["head"] == "cycle":
            self.head: nn.Module = self._cycle(hidden_channels, out_channels, full)
        else:
            self.head = CONVOLUTIONS[dim](hidden_channels, out_channels, 1, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *space"]:
        """Return the output fields: see `GridNetwork.forward`."""
        start = x
        x = self.entering(x, coordinates, parameters)
        self._check_shape(x.shape[2:])
        for layer in self.layers:
            x = layer(x)
        y: Tensor = self.head(x)
        return start + y if self.increment else y

    @classmethod
    def modes_for(cls, shape: Sequence[int]) -> dict[str, Any]:
        """Return up to 6 levels, as long as the coarsest grid keeps 4 points along each axis, and this resolution."""
        n_levels = 1
        while n_levels < 6 and coarser(min(shape), times=n_levels) >= 4:
            n_levels += 1
        return {"n_smoothing": [[1, 0]] * (n_levels - 1) + [[2, 0]], "resolution": list(shape)}

    @classmethod
    def sizes_for(cls, data: xr.DataTree | xr.Dataset) -> dict[str, Any]:
        """Return what every network on grids reads from data, and the boundary: Neumann where both sides are so."""
        from surrogate.datasets.grids.grid import Grid
        from surrogate.datasets.samples.signature import Signature

        sizes = super().sizes_for(data)
        sides = cast(Grid, Signature.from_data(data).domain).boundary
        return sizes | {"boundary": ["neumann" if set(pair) == {"neumann"} else "dirichlet" for pair in sides]}

    @classmethod
    def from_reference(cls, config: Mapping[str, Any], state: Mapping[str, Tensor], *, reference: str) -> MgNO:
        """Return our network with the weights of a network of the reference implementation.

        Parameters
        ----------
        config
            Constructor arguments of the reference's class.
        state
            Its state dict.
        reference
            Name of its class: ``"MgNO_DC"``, ``"MgNO_DC_smooth"``, ``"MgNO_NS"`` or ``"MgNO_helm"``.

        Notes
        -----
        The normalizer of the target is no part of the network here. The operator of the first smoothing step in
        ``MgNO_helm`` has no effect and is left out.
        """
        network = cls(**mgno_reference.arguments(config, reference)).to(next(iter(state.values())).dtype)
        network.load_state_dict(mgno_reference.weights(state))
        return network

    def _cycle(self, in_channels: int, out_channels: int, options: Mapping[str, Any]) -> VCycle:
        kinds = zip(self.periodic, self.boundary, strict=True)
        return VCycle(
            in_channels,
            out_channels,
            n_smoothing=self.n_smoothing,
            boundary=["periodic" if wraps else kind for wraps, kind in kinds],
            residual_restriction=self.residual_restriction,
            bias=options["smoothing_bias"],
            growing_channels=options["growing_channels"],
            up_kernels=options["up_kernels"],
            padding=options["restriction_padding"],
            boundary_in_prolongation=options["boundary_in_prolongation"],
            resolution=self.resolution if options["norm"] == "cycle" else None,
        )

    def _layer(self, in_channels: int, options: Mapping[str, Any]) -> MultigridLayer:
        bypass = CONVOLUTIONS[self.dim](in_channels, self.hidden_channels, 1) if options["bypass"] else None
        normalized = self.resolution if options["norm"] == "layer" else None
        norm = None if normalized is None else nn.LayerNorm([self.hidden_channels, *normalized])
        cycle = self._cycle(in_channels, self.hidden_channels, options)
        return MultigridLayer(cycle, bypass=bypass, norm=norm, activation=ACTIVATIONS[options["activation"]]())

    def _check(self, options: Mapping[str, Any]) -> None:
        choices: dict[str, tuple[Any, ...]] = {
            "norm": (None, "cycle", "layer"),
            "head": ("pointwise", "cycle"),
            "activation": tuple(ACTIVATIONS),
            "restriction_padding": (0, 1),
        }
        for name, allowed in choices.items():
            if options[name] not in allowed:
                names = ", ".join(map(repr, allowed))
                raise expected(f"{name} out of {names}", repr(options[name]), "Correct the option.")
        if len(self.boundary) != self.dim or not set(self.boundary) <= {"dirichlet", "neumann"}:
            do = "Give one name, or one for each axis; `periodic` says which axes are periodic."
            raise expected(f"boundary 'dirichlet' or 'neumann' for each of {self.dim} axes", self.boundary, do)
        if self.resolution is None and options["norm"] is not None:
            raise expected(f"a resolution for norm {options['norm']!r}", None, "Give the shape of the grid.")
        if options["increment"] and self.in_channels != self.out_channels:
            got = f"{self.in_channels} in and {self.out_channels} out"
            raise expected("as many channels in as out for an increment", got, "Correct `out_channels`.")

    def _check_shape(self, space: Sequence[int]) -> None:
        self.check_resolution(space)
        times = len(self.n_smoothing) - 1
        if any(coarser(n, self.padding, times=times) < 2 for n in space):
            do = "Use fewer levels or a finer grid."
            raise expected(f"at least 2 points along each axis on level {times + 1}", f"{tuple(space)} on level 1", do)
