"""What all networks on grids have in common."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.configuration import Configured

if TYPE_CHECKING:
    import xarray as xr


class GridNetwork(Configured, nn.Module):
    """A network ``y = network(x, coordinates=None, parameters=None)`` from fields to fields on one grid.

    Attributes
    ----------
    resolution
        The shape of grid that may enter; None for any.
    out_shape
        The shape of grid that leaves; None for that which entered.
    knows_spacing
        Whether the network weighs points by their distances on stretched axes.
    uses_coordinates
        Whether the coordinates enter as further channels.
    """

    resolution: Sequence[int] | None = None
    out_shape: Sequence[int] | None = None
    knows_spacing: ClassVar[bool] = False
    uses_coordinates: bool = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int,
        periodic: bool | Sequence[bool],
        parameter_channels: int,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.dim = in_channels, out_channels, dim
        self.periodic = [periodic] * dim if isinstance(periodic, bool) else list(periodic)
        self.parameter_channels = parameter_channels
        if dim not in (1, 2, 3):
            raise expected("dim 1, 2 or 3", dim, "Give the number of space dimensions.")
        if len(self.periodic) != dim:
            raise expected(f"periodic for each of {dim} axes", periodic, "Give one bool, or one for each axis.")

    @abstractmethod
    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *space"]:
        """Return the output fields.

        Parameters
        ----------
        x
            Input channels, ``(batch, in_channels, *space)``.
        coordinates
            The points in the unit box, ``(*space, dim)`` or ``(batch, *space, dim)``. Default: equally spaced from 0,
            with the end point 1 on the axes that are not periodic.
        parameters
            Scalars of each sample, ``(batch, parameter_channels)``.

        Raises
        ------
        InputError
            Wrong number of channels or parameters, or a grid too coarse for the modes of the network.
        """

    @classmethod
    def modes_for(cls, shape: Sequence[int]) -> dict[str, Any]:
        """Return the default number of modes, or what a grid of this shape holds if that is less; or nothing."""
        return {}

    @classmethod
    def sizes_for(cls, data: xr.DataTree | xr.Dataset) -> dict[str, Any]:
        """Return channels, dimension, periodic axes and modes for data on a grid: see `for_data`.

        Warns where axes are stretched, unless the network weighs points by their distances: Fourier modes and means
        over points are then taken over their numbers.

        Raises
        ------
        InputError
            The data are on meshes or points.
        """
        from surrogate.datasets.grids.grid import Grid
        from surrogate.datasets.samples.signature import Signature

        signature = Signature.from_data(data)
        if not isinstance(signature.domain, Grid):
            do = "Use `GNOT`, or this network on a grid of its own: `OnGrid.for_data`."
            raise expected("data on a grid", "data on meshes or points", do)
        if not (cls.knows_spacing or all(signature.domain.is_uniform)):
            warnings.warn(
                f"The data have axes {signature.domain.kinds}, but {cls.__name__} takes points as equally spaced. "
                "Resample the fields to a uniform grid (surrogate.datasets.resample) if it is to see true distances.",
                stacklevel=3,
            )
        return {
            "in_channels": signature.in_channels,
            "out_channels": signature.out_channels,
            "dim": signature.domain.dim,
            "periodic": list(signature.domain.is_periodic),
            "parameter_channels": signature.parameter_channels,
            **cls.modes_for(signature.domain.shape),
        }

    def gather(
        self, x: Tensor, coordinates: Tensor | None, parameters: Tensor | None
    ) -> tuple[Float[Tensor, "batch channel *space"], Float[Tensor, "samples *space dim"]]:
        """Return ``x`` with the parameters as constant channels, and the coordinates with a batch axis (of 1 or B)."""
        self.check_channels(x, parameters)
        space = x.shape[2:]
        if coordinates is None:
            coordinates = unit_coordinates(space, self.periodic, x)
        if coordinates.shape[-self.dim - 1 :] != (*space, self.dim):
            do = "Give one point in the unit box for each grid point."
            raise expected(f"coordinates of shape {(*space, self.dim)}", tuple(coordinates.shape), do)
        if parameters is not None:
            constant = parameters.reshape(*parameters.shape, *[1] * self.dim).expand(-1, -1, *space)
            x = torch.cat([x, constant.to(x.dtype)], dim=1)
        return x, coordinates.reshape(-1, *space, self.dim).to(x.dtype)

    def entering(
        self, x: Tensor, coordinates: Tensor | None, parameters: Tensor | None
    ) -> Float[Tensor, "batch channel *space"]:
        """Return ``x`` with the parameters and, where they are used, the coordinates as further channels."""
        x, points = self.gather(x, coordinates, parameters)
        if not self.uses_coordinates:
            return x
        return torch.cat([x, points.movedim(-1, 1).expand(len(x), *[-1] * (x.ndim - 1))], dim=1)

    def check_resolution(self, space: Sequence[int]) -> None:
        """Raise `InputError` unless the grid is that of the network, if it is made for one."""
        if self.resolution is not None and tuple(space) != tuple(self.resolution):
            do = "Resample the fields: the kernels know no distances."
            raise expected(f"a grid of shape {tuple(self.resolution)}", tuple(space), do)

    def check_channels(self, x: Tensor, parameters: Tensor | None) -> None:
        """Raise `InputError` unless channels, space axes, parameters, device and dtype are those of this network."""
        if x.ndim != self.dim + 2 or x.shape[1] != self.in_channels:
            do = "Stack the fields on axis 1."
            raise expected(f"x of shape (batch, {self.in_channels}, *{self.dim} axes)", tuple(x.shape), do)
        given = 0 if parameters is None else parameters.shape[1]
        if given != self.parameter_channels:
            raise expected(f"{self.parameter_channels} parameters per sample", given, "Correct `parameters`.")
        own = next(self.parameters())
        if x.device != own.device or (x.dtype != own.dtype and not torch.is_autocast_enabled(x.device.type)):
            do = "Move one to the other: `network.to(x)` or `x.to(...)`."
            raise expected(f"x as {own.dtype} on {own.device}, as the weights", f"{x.dtype} on {x.device}", do)


def resolution_of(shape: Sequence[int] | None, dim: int) -> tuple[int, ...] | None:
    """Return the shape of the grid that a network is made for, or None; raise `InputError` for another dimension."""
    if shape is not None and len(shape) != dim:
        raise expected(f"a resolution of {dim} axes", tuple(shape), "Give the shape of the grid.")
    return None if shape is None else tuple(shape)


def unit_coordinates(shape: Sequence[int], periodic: Sequence[bool], like: Tensor) -> Float[Tensor, "*shape dim"]:
    """Return equally spaced points in the unit box; periodic axes leave out the end point, the first point again."""
    axes = [
        torch.arange(n, dtype=like.dtype, device=like.device) / (n if wraps else n - 1)
        for n, wraps in zip(shape, periodic, strict=True)
    ]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def with_points(features: Tensor, points: Tensor) -> Float[Tensor, "batch *space both"]:
    """Return the features of every point followed by its coordinates."""
    return torch.cat([features, points.expand(len(features), *points.shape[1:])], dim=-1)


def axis_sizes(shape: int | Sequence[int] | None, dim: int) -> list[int] | None:
    """Return the number of points along each axis, None for None; raise `InputError` unless each has one, above 1."""
    if shape is None:
        return None
    sizes = [shape] * dim if isinstance(shape, int) else list(shape)
    if len(sizes) != dim or min(sizes) < 2:
        raise expected(f"at least 2 points along each of {dim} axes", shape, "Give one number, or one for each axis.")
    return sizes
