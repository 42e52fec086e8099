"""Networks on grids for data on meshes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from xarray import DataTree

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.points import Points
from surrogate.datasets.transfer.grid_transfer import GridTransfer
from surrogate.models.network import GridNetwork
from surrogate.models.point_network import point_sizes

if TYPE_CHECKING:
    import xarray as xr

_POINTS = {1: 256, 2: 64, 3: 24}


class OnGrid(nn.Module):
    r"""A network on a grid between two interpolations: :math:`u = P_\mathrm{out}\, N(P_\mathrm{in} f_1, \dots, m)`.

    Every input function is brought to a grid of the unit box, linear on its mesh, from the nearest point where it has
    none; with them enters the indicator m of the domain. The answer is interpolated back to the query points. The maps
    are made once for each geometry: see `surrogate.datasets.GridTransfer`. What they cost in accuracy, whatever the
    network, tells `round_trip`.

    Parameters
    ----------
    network
        A network on grids whose channels are those of all functions, and one more for the indicator.
    shape
        Points of the grid along each axis.
    indicator
        Whether the indicator enters: it needs a mesh on the first function or the query points.

    Raises
    ------
    InputError
        A shape of another number of axes than the network has.
    """

    def __init__(self, network: GridNetwork, shape: Sequence[int], *, indicator: bool = True) -> None:
        super().__init__()
        if len(shape) != network.dim:
            raise expected(f"a shape of {network.dim} axes", tuple(shape), "Give the points along each axis.")
        self.network, self.shape, self.indicator = network, list(shape), indicator
        self._transfer = GridTransfer(self.shape)

    def forward(
        self,
        x: Points | Sequence[Points],
        coordinates: Points | None = None,
        parameters: Float[Tensor, "samples parameter"] | None = None,
    ) -> Float[Tensor, "points out"]:
        """Return the output at the query points ``coordinates``, by default those of the first function.

        Coordinates are those of the unit box, which the grid covers.

        Raises
        ------
        InputError
            Wrong number of channels altogether, or of parameters.
        """
        functions = (x,) if isinstance(x, Points) else tuple(x)
        query = functions[0] if coordinates is None else coordinates
        channels = [self._transfer.to_grid(function) for function in functions if function.values is not None]
        if self.indicator:
            channels.append(self._transfer.inside(query))
        fields = torch.cat(channels, dim=1)
        unit = self._transfer.grid.unit_coordinates(dtype=fields.dtype, device=fields.device)
        return self._transfer.to_points(self.network(fields, unit, parameters), query)

    def round_trip(self, points: Points) -> Float[Tensor, "points channel"]:
        """Return the values of points after interpolation to the grid and back."""
        return self._transfer.to_points(self._transfer.to_grid(points), points)

    @classmethod
    def for_data(
        cls,
        data: xr.DataTree | xr.Dataset,
        network: type[GridNetwork],
        *,
        shape: Sequence[int] | None = None,
        **arguments: Any,
    ) -> OnGrid:
        """Return the network for prepared data on meshes.

        Parameters
        ----------
        data
            What `surrogate.prepare` returned, or one of its parts.
        network
            Class of the network on grids.
        shape
            Points of the grid along each axis; default: 256, 64 or 24 along each of 1, 2 or 3 axes.
        arguments
            Further constructor arguments of the network; they go before those read from the data.

        Raises
        ------
        InputError
            The data are on a grid already.
        """
        sizes = point_sizes(data)
        dim = sizes["dim"]
        shape = [_POINTS[dim]] * dim if shape is None else list(shape)
        part = data["train"] if isinstance(data, DataTree) and "train" in data.children else data
        indicator = "mesh" in part.coords
        sizes["in_channels"] = sum(sizes["in_channels"]) + indicator
        return cls(network(**sizes | network.modes_for(shape) | arguments), shape, indicator=indicator)
