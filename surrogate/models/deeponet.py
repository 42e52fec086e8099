"""The deep operator network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.feed_forward import ACTIVATIONS
from surrogate.models.network import GridNetwork, unit_coordinates


class DeepONet(GridNetwork):
    r"""Deep operator network: an inner product of a branch network of the input with a trunk network of the point.

    .. math:: G(f, \mu)(x)_o = \sum_{k=1}^{p} b_{ok}\big(f(s_1), \dots, f(s_m), \mu\big)\, t_{ok}(x) + c_o

    The branch takes the values at the ``m`` points of one fixed grid, the sensors, and the parameters; the trunk takes
    coordinates. So the output is known at any points, but inputs on other grids are refused. Each output channel has
    basis functions of its own.

    Branch and trunk are fully connected, with ``n_layers`` hidden layers each; the trunk has an activation at its end.
    Periodic coordinates enter the trunk as :math:`\cos 2\pi x, \sin 2\pi x`, which makes the output periodic.

    Parameters
    ----------
    in_channels, out_channels
        Channels that enter and leave.
    resolution
        Points of the sensor grid along each axis.
    dim
        Number of space dimensions, 1 to 3.
    hidden_channels
        Width of the hidden layers. Good values: 64 to 256.
    n_layers
        Hidden layers of branch and trunk.
    n_basis
        Number ``p`` of basis functions of an output channel. Good values: 32 to 256.
    activation
        ``"relu"``, ``"silu"`` or ``"gelu"``.
    periodic
        For each axis (or for all) whether it is periodic.
    parameter_channels
        Scalars per sample, which enter the branch.

    Raises
    ------
    InputError
        Unknown activation, a resolution of another number of axes than ``dim``, or less than one hidden layer.

    References
    ----------
    L. Lu et al., "Learning nonlinear operators via DeepONet", Nature Machine Intelligence 3, 2021, arXiv:1910.03193.
    The basis of each channel and the periodic coordinates: L. Lu et al., "A comprehensive and fair comparison of two
    neural operators", CMAME 393, 2022, arXiv:2111.05512.
    """

    resolution: Sequence[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        resolution: Sequence[int],
        dim: int = 2,
        hidden_channels: int = 128,
        n_layers: int = 3,
        n_basis: int = 128,
        activation: str = "gelu",
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
    ) -> None:
        super().__init__(in_channels, out_channels, dim=dim, periodic=periodic, parameter_channels=parameter_channels)
        self.resolution, self.hidden_channels, self.n_layers = list(resolution), hidden_channels, n_layers
        self.n_basis, self.activation = n_basis, activation
        if len(self.resolution) != dim:
            raise expected(f"a resolution of {dim} axes", tuple(resolution), "Give the points along each axis.")
        if activation not in ACTIVATIONS:
            raise expected(f"activation out of {', '.join(ACTIVATIONS)}", repr(activation), "Correct the name.")
        if n_layers < 1:
            raise expected("n_layers of at least 1", n_layers, "Give the number of hidden layers.")
        hidden, leaving = [hidden_channels] * n_layers, out_channels * n_basis
        sensors = in_channels * math.prod(self.resolution) + parameter_channels
        self.branch = fully_connected([sensors, *hidden, leaving], activation)
        self.trunk = fully_connected([dim + sum(self.periodic), *hidden, leaving], activation)
        self.trunk.append(ACTIVATIONS[activation]())
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(
        self,
        x: Float[Tensor, "batch channel *space"],
        coordinates: Float[Tensor, "*points dim"] | None = None,
        parameters: Float[Tensor, "batch parameter"] | None = None,
    ) -> Float[Tensor, "batch out *query"]:
        """Return the output at the given points, by default those of the sensors.

        Parameters
        ----------
        x
            Values at the sensors, ``(batch, in_channels, *resolution)``.
        coordinates
            A grid of points in the unit box of any size, ``(*query, dim)`` or ``(batch, *query, dim)``, with as many
            axes as space. Default: those of the sensors, equally spaced as `GridNetwork.forward` says.
        parameters
            Scalars of each sample, ``(batch, parameter_channels)``.

        Raises
        ------
        InputError
            Wrong number of channels or parameters, or values on another grid than the sensors.
        """
        self.check_channels(x, parameters)
        if list(x.shape[2:]) != self.resolution:
            do = "Bring the input to the grid of the sensors (surrogate.datasets.resample)."
            raise expected(f"x at {tuple(self.resolution)} sensors", tuple(x.shape[2:]), do)
        values = x.flatten(1)
        if parameters is not None:
            values = torch.cat([values, parameters.to(x.dtype)], dim=1)
        weights = self.branch(values).unflatten(1, (self.out_channels, self.n_basis))
        basis = self.trunk(self._features(self._points(x, coordinates)))
        basis = basis.unflatten(-1, (self.out_channels, self.n_basis)).expand(len(x), *[-1] * (self.dim + 2))
        y = torch.einsum("bok,b...ok->bo...", weights, basis)
        return y + self.bias.reshape(-1, *[1] * self.dim).to(y.dtype)

    @classmethod
    def modes_for(cls, shape: Sequence[int]) -> dict[str, Any]:
        """Return sensors at the points of the grid."""
        return {"resolution": list(shape)}

    def _points(self, x: Tensor, coordinates: Tensor | None) -> Float[Tensor, "samples *query dim"]:
        if coordinates is None:
            return unit_coordinates(self.resolution, self.periodic, x)[None]
        points = coordinates[None] if coordinates.ndim == self.dim + 1 else coordinates
        if points.ndim != self.dim + 2 or points.shape[-1] != self.dim or points.shape[0] not in (1, len(x)):
            do = "Give a grid of points in the unit box, one for all samples or one for each."
            raise expected(f"coordinates of shape (*{self.dim} axes, {self.dim})", tuple(coordinates.shape), do)
        return points.to(x.dtype)

    def _features(self, points: Tensor) -> Float[Tensor, "samples *query feature"]:
        """Return cosine and sine of the periodic coordinates, and the others as they are."""
        features = []
        for axis, wraps in enumerate(self.periodic):
            x = points[..., axis]
            features += [(2 * math.pi * x).cos(), (2 * math.pi * x).sin()] if wraps else [x]
        return torch.stack(features, dim=-1)


def fully_connected(widths: Sequence[int], activation: str) -> nn.Sequential:
    """Return linear maps between these widths with an activation after all but the last."""
    layers: list[nn.Module] = []
    for one, two in pairwise(widths):
        layers += [nn.Linear(one, two), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])
