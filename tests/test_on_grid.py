"""Interpolation of batches to a grid and back, and networks in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets import GridTransfer, InputError, Mesh, Points, point_set
from surrogate.models import FNO, OnGrid
from surrogate.models.network import GridNetwork


class Sum(GridNetwork):
    """The sum of all channels but the last (the indicator), and the indicator."""

    def __init__(self, in_channels: int, dim: int) -> None:
        super().__init__(in_channels, 2, dim=dim, periodic=False, parameter_channels=0)

    def forward(self, x: Tensor, coordinates: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        assert coordinates is not None
        assert coordinates.shape == (*x.shape[2:], self.dim)
        return torch.cat([x[:, :-1].sum(1, keepdim=True), x[:, -1:]], dim=1)

    @classmethod
    def modes_for(cls, shape: Any) -> dict[str, Any]:
        return {}


def in_unit_box(fields: xr.Dataset, name: str) -> Points:
    points = point_set(fields, [name], dtype=torch.float64)
    low, high = points.coordinates.amin(0), points.coordinates.amax(0)
    return points._replace(coordinates=(points.coordinates - low) / (high - low))


def square(n: int) -> Points:
    """Return the nodes and triangles of a unit square."""
    axis = np.linspace(0, 1, n)
    nodes = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    corner = np.add.outer(n * np.arange(n - 1), np.arange(n - 1)).ravel()
    cells = np.concatenate([corner[:, None] + [0, n, n + 1], corner[:, None] + [0, n + 1, 1]])
    return Points(torch.from_numpy(nodes), torch.tensor([0, n * n]), None, torch.from_numpy(cells))


def test_linear_functions_survive_to_the_grid_and_back_on_a_full_square() -> None:
    """Both interpolations reproduce them; the mesh is that of a square, so that no point lies outside."""
    points = square(5)
    slope, ones = torch.tensor([2.0, -3.0]).double(), torch.ones(25).double()
    values = torch.stack([points.coordinates @ slope + 1, ones], dim=1)
    points = points._replace(values=values)
    transfer = GridTransfer((7, 4))
    fields = transfer.to_grid(points)
    x, y = torch.meshgrid(torch.linspace(0, 1, 7), torch.linspace(0, 1, 4), indexing="ij")
    torch.testing.assert_close(fields[0, 0], (1 + 2 * x - 3 * y).double(), rtol=0, atol=1e-6)  # the axes are float32
    torch.testing.assert_close(transfer.to_points(fields, points), values, rtol=0, atol=1e-12)
    assert (transfer.inside(points) == 1).all()


def test_stencils_of_a_batch_are_those_of_each_sample(polygons: xr.DataTree) -> None:
    points = in_unit_box(polygons["test"].to_dataset(), "source")
    transfer = GridTransfer((9, 8))
    together = transfer.to_grid(points)
    back = transfer.to_points(together, points)
    for i, sample in enumerate(points.split()):
        alone = GridTransfer((9, 8))
        assert torch.equal(alone.to_grid(sample)[0], together[i])
        assert torch.equal(alone.inside(sample)[0], transfer.inside(points)[i])
        assert torch.equal(alone.to_points(together[i : i + 1], sample), back[slice(*points.ptr[i : i + 2].tolist())])


def test_stencils_are_made_once_for_each_geometry(polygons: xr.DataTree, monkeypatch: pytest.MonkeyPatch) -> None:
    points = in_unit_box(polygons["test"].to_dataset(), "source")
    made: list[Points] = []
    transfer = GridTransfer((9, 8))
    make = transfer._into
    monkeypatch.setattr(transfer, "_into", lambda sample: made.append(sample) or make(sample))
    for factor in (1.0, 2.0):
        transfer.to_grid(points._replace(values=factor * points.values))
        transfer.to_grid(points.split()[3])
    assert len(made) == points.n_samples


def test_the_indicator_is_that_of_the_mesh() -> None:
    """An L: the unit square without its upper right quarter."""
    nodes = [[0, 0], [0.5, 0], [1, 0], [0, 0.5], [0.5, 0.5], [1, 0.5], [0, 1], [0.5, 1]]
    mesh = Mesh(nodes, {"quad": [[0, 1, 4, 3], [1, 2, 5, 4], [3, 4, 7, 6]]})
    simplices = torch.from_numpy(mesh.simplices)
    points = Points(torch.tensor(nodes).float(), torch.tensor([0, 8]), None, simplices)
    inside = GridTransfer((5, 5)).inside(points)[0, 0]
    x, y = torch.meshgrid(torch.linspace(0, 1, 5), torch.linspace(0, 1, 5), indexing="ij")
    assert torch.equal(inside, (~((x > 0.5) & (y > 0.5))).float())
    right = GridTransfer((5, 5)).to_grid(points._replace(values=torch.arange(8.0)[:, None]))[0, 0, 4]
    assert right.tolist() == [2, 3.5, 5, 5, 5]  # from (1, 0) to (1, 0.5); beyond it that is the nearest point


def test_without_a_mesh_the_nearest_point_counts() -> None:
    points = Points(torch.tensor([[0.1], [0.9]]), torch.tensor([0, 2]), torch.tensor([[3.0], [5.0]]))
    assert GridTransfer((4,)).to_grid(points).tolist() == [[[3.0, 3.0, 5.0, 5.0]]]


def test_all_functions_enter_and_the_answer_lies_at_the_query_points(polygons: xr.DataTree) -> None:
    """The network adds up its channels; constants make it exact."""
    test = polygons["test"].to_dataset()
    source, flux = in_unit_box(test, "source"), in_unit_box(test, "flux")
    functions = [points._replace(values=torch.full_like(points.values, c)) for points, c in ((source, 2), (flux, 0.5))]
    network = OnGrid(Sum(3, 2), (8, 9))
    output = network(functions, source)
    torch.testing.assert_close(output[:, 0], torch.full_like(output[:, 0], 2.5))
    assert output.shape == (len(source.coordinates), 2)
    at_flux = network(functions, flux._replace(values=None))
    assert at_flux.shape == (len(flux.coordinates), 2)
    torch.testing.assert_close(at_flux[:, 1], torch.ones_like(at_flux[:, 1]))  # without a mesh all is inside


def test_round_trip_error_is_of_second_order() -> None:
    """On the mesh of a square that is much finer than the grids."""
    points = square(65)
    values = torch.sin(3 * points.coordinates.sum(1, keepdim=True))
    points = points._replace(values=values)
    errors = []
    for size in (9, 17):
        network = OnGrid(FNO(2, 1, dim=2, hidden_channels=4, n_layers=1, n_modes=4), (size, size))
        errors.append(float((network.round_trip(points) - values).norm()))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


def test_gradients_reach_network_and_values(polygons: xr.DataTree) -> None:
    points = in_unit_box(polygons["test"].to_dataset(), "source").to(torch.float32)
    values = points.values.requires_grad_()
    network = OnGrid(FNO(2, 1, dim=2, hidden_channels=4, n_layers=1, n_modes=4), (8, 8))
    network(points._replace(values=values)).square().sum().backward()
    assert values.grad is not None
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_what_does_not_fit_is_refused(polygons: xr.DataTree) -> None:
    with pytest.raises(InputError, match="a shape of 2 axes, got"):
        OnGrid(Sum(1, 2), (8,))
    points = in_unit_box(polygons["test"].to_dataset(), "source")
    with pytest.raises(InputError, match="points in 3 dimensions, got 2"):
        GridTransfer((4, 4, 4)).to_grid(points)
    with pytest.raises(InputError, match="points with values, got points alone"):
        GridTransfer((4, 4)).to_grid(points._replace(values=None))
