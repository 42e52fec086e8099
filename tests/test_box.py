from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from surrogate.datasets import Box, Grid, InputError, Mesh


def test_the_box_holds_all_nodes():
    mesh = Mesh([[0.0, -1.0], [4.0, 0.0], [1.0, 3.0]], {"triangle": [[0, 1, 2]]})
    fields = xr.Dataset({"u": (("sample", "node"), np.zeros((2, 3)))}, mesh.coordinates())
    box = Box.from_fields(fields, "cell")
    assert box == Box((0.0, -1.0), (4.0, 3.0), "cell")
    assert (box.dim, box.names, box.lengths) == (2, ("x", "y"), (4.0, 4.0))


def test_unit_coordinates_also_where_all_points_lie_in_a_plane():
    box = Box((1.0, 2.0, 5.0), (3.0, 6.0, 5.0))
    points = torch.tensor([[1.0, 6.0, 5.0], [2.0, 3.0, 5.0]])
    assert box.unit(points).tolist() == [[0.0, 1.0, 0.0], [0.5, 0.25, 0.0]]


def test_distance_is_to_the_nearest_point_of_the_box():
    distance = Box((0.0, 0.0), (1.0, 2.0)).distance(torch.tensor([[0.5, 1.0], [4.0, 6.0], [0.5, -2.0]]))
    assert distance.tolist() == [0.0, 5.0, 2.0]


def test_what_is_no_box_is_refused():
    with pytest.raises(InputError, match=r"bounds of a box, got \(\(1.0,\), \(0.0,\)\)"):
        Box((1.0,), (0.0,))
    grid = Grid(shape=(4,), periodic=True)
    fields = xr.Dataset({"u": (("sample", "x"), np.zeros((1, 4)))}, grid.coordinates())
    with pytest.raises(InputError, match="over 'node', got fields on a grid"):
        Box.from_fields(fields)
