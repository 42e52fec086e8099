"""What `plot_fields` draws are the values of the fields, where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.figure import Figure

import surrogate as sg
from surrogate.datasets import Grid, InputError, Mesh, describe_many
from surrogate.datasets.meshes.ugrid import count_variable

AsFields = Callable[..., xr.Dataset]
SQUARE = Mesh(np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]), np.array([[0, 1, 2, 3]]), cell_dim=2)
CUT = Mesh(np.array([[0.0, 0], [2, 0], [2, 1], [0, 1], [3, 0]]), np.array([[0, 1, 2, 3], [1, 4, 2, -1]]), cell_dim=2)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def panels(figure: Figure) -> list[Any]:
    figure.canvas.draw()
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def only(figure: Figure, kind: type) -> Any:
    (axes,) = panels(figure)
    (found,) = [artist for artist in axes.get_children() if isinstance(artist, kind)]
    return found


def test_a_field_over_time_and_space_is_one_image(as_fields: AsFields) -> None:
    fields = as_fields(Grid((6,), periodic=True), {"u": ("sample time x", random(3, 4, 6))}, time=[0, 1, 2, 3])
    image = only(sg.plot_fields(fields, sample=2), QuadMesh)
    np.testing.assert_array_equal(np.asarray(image.get_array()).reshape(6, 4), fields["u"][2].T)
    bound = float(abs(fields["u"][2]).max())
    assert image.get_clim() == (-bound, bound)


@pytest.mark.parametrize(("space", "time"), [((6, 5), 1), ((6, 5, 4), -1)])
def test_more_dimensions_are_shown_at_one_time(as_fields: AsFields, space: tuple[int, ...], time: int) -> None:
    dims = "sample time " + " ".join("xyz"[: len(space)])
    fields = as_fields(Grid(space), {"u": (dims, random(2, 3, *space))}, time=[0, 1, 2])
    image = only(sg.plot_fields(fields, sample=1, time=time), QuadMesh)
    frame = fields["u"].values[1, time]
    np.testing.assert_array_equal(
        np.asarray(image.get_array()).reshape(5, 6), (frame[..., 2] if frame.ndim == 3 else frame).T
    )


def test_series_are_lines_over_dates_and_parameters_are_in_the_title() -> None:
    dates = pd.date_range("2024-01-01", periods=5, freq="1h")
    fields = sg.from_frame(pd.DataFrame({"date": dates, "a": np.arange(5.0), "b": random(5)}), units={"b": "MW"})
    figure = sg.plot_fields(fields.assign(viscosity=((), 0.5, {"units": "1"})))
    first, second = panels(figure)
    np.testing.assert_array_equal(second.lines[0].get_ydata(), fields["b"].values[0])
    np.testing.assert_array_equal(first.lines[0].get_xdata(), dates.to_numpy())
    assert (first.get_ylabel(), second.get_ylabel()) == ("a", "b (MW)")
    assert figure.get_suptitle() == "viscosity = 0.5"


def test_fields_on_meshes_are_colored_cells_and_others_dots() -> None:
    coords = {**describe_many([SQUARE, CUT]), "edge_node_count": count_variable("edge_node", [1, 2])}
    numbers = xr.Variable(("edge_node",), np.array([0, 4, 8]), {"start_index": 0, "units": "1", "long_name": "nodes"})
    units = {"units": "1"}
    variables = {"u": ("node", random(9), units), "a": ("cell", random(3), units), "g": ("edge_node", random(3), units)}
    fields = xr.Dataset(variables, coords={**coords, "edge_index": numbers})
    nodes, cells, dots = (axes.collections[0] for axes in panels(sg.plot_fields(fields, sample=1)))
    np.testing.assert_allclose(np.asarray(nodes.get_array()), fields["u"][4:])
    np.testing.assert_allclose(np.sort(np.unique(cells.get_array())), np.sort(fields["a"][1:]))  # in the order of kinds
    two_for_the_square = [(np.asarray(cells.get_array()) == value).sum() for value in fields["a"].values[1:]]
    assert two_for_the_square == [2, 1]
    assert isinstance(dots, PathCollection)
    np.testing.assert_allclose(dots.get_offsets(), CUT.points[[0, 4]])
    np.testing.assert_allclose(np.asarray(dots.get_array()), fields["g"][1:])


def test_what_cannot_be_drawn_is_refused(as_fields: AsFields) -> None:
    fields = as_fields(Grid((6,)), {"u": ("sample x", random(3, 6)), "nu": ("sample", random(3))})
    with pytest.raises(InputError, match="a sample out of 3, got 3"):
        sg.plot_fields(fields, sample=3)
    with pytest.raises(InputError, match="a time out of 1, got 4"):
        sg.plot_fields(fields, time=4)
    with pytest.raises(InputError, match="a field 'v'"):
        sg.plot_fields(fields, names=["v"])
    with pytest.raises(InputError, match="a field over time or space"):
        sg.plot_fields(fields, names=["nu"])
