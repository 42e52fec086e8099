"""Truth, prediction and error side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surrogate.datasets.domain import is_on_points
from surrogate.datasets.grids.grid import AXES
from surrogate.evaluation.plots.mesh_drawing import draw_field
from surrogate.evaluation.plots.style import REFERENCE, canvas, colors
from surrogate.evaluation.report import Comparison


def panels(comparison: Comparison) -> Figure:
    """Draw reference, predictions and errors of one sample: over space and time in 1-D, at the last time in 2-D.

    In 3-D the middle plane of the last axis is shown. On a flat mesh the triangles are colored, else the points.
    """
    examples = comparison.examples
    field = str(comparison.scores["field"].values[0])
    frames = examples[field]
    if is_on_points(examples):
        return _meshes(examples, field)
    space = [axis for axis in AXES if axis in frames.dims]
    if len(space) == 3:
        frames = frames.isel({space[-1]: frames.sizes[space[-1]] // 2})
    if len(space) == 1 and frames.sizes.get("time", 1) == 1:
        return _lines(frames.squeeze("time") if "time" in frames.dims else frames, field)
    if len(space) > 1 and "time" in frames.dims:
        frames = frames.isel(time=-1)
    return _images(frames, field)


def _lines(frames: xr.DataArray, field: str) -> Figure:
    figure = canvas()
    axes = figure.subplots()
    names = [str(name) for name in frames["member"].values]
    palette = {names[0]: REFERENCE, **colors(names[1:])}
    for name, color in palette.items():
        axes.plot(frames["x"], frames.sel(member=name), color=color, label=name)
    axes.set(xlabel="x", ylabel=field)
    axes.legend(frameon=False)
    return figure


def _images(frames: xr.DataArray, field: str) -> Figure:
    horizontal, vertical = ("time", "x") if "time" in frames.dims else ("x", "y")
    frames = frames.transpose("member", vertical, horizontal)

    def draw(axes: Axes, values: np.ndarray, **look: Any) -> Any:
        x, y = frames[horizontal], frames[vertical]
        return axes.pcolormesh(x, y, values, shading="nearest", rasterized=True, **look)

    return _rows(frames, field, draw, "time since the start" if horizontal == "time" else horizontal, vertical)


def _meshes(examples: xr.Dataset, field: str) -> Figure:
    def draw(axes: Axes, values: np.ndarray, **look: Any) -> Any:
        axes.set_aspect("equal")
        shown = examples[field].isel(member=0).squeeze(drop=True).copy(data=values)
        return draw_field(axes, examples.assign({field: shown}), field, **look)

    frames = examples[field]
    return _rows(frames.squeeze("sample") if "sample" in frames.dims else frames, field, draw, "x", "y")


def _rows(frames: xr.DataArray, field: str, draw: Callable[..., Any], horizontal: str, vertical: str) -> Figure:
    """Draw a row for each prediction: the reference, the prediction and its error."""
    names = [str(name) for name in frames["member"].values]
    truth = frames.values[0]
    figure = canvas(10.0, 0.6 + 2.7 * (len(names) - 1))
    grid = figure.subplots(len(names) - 1, 3, squeeze=False, sharex=True, sharey=True)
    low, high = float(truth.min()), float(truth.max())
    for name, prediction, (left, middle, right) in zip(names[1:], frames.values[1:], grid, strict=True):
        error = prediction - truth
        finite = np.abs(error[np.isfinite(error)])
        bound = float(finite.max(initial=0.0)) or 1.0
        for axes, values, title, limits, colormap in (
            (left, truth, f"reference: {field}", (low, high), "viridis"),
            (middle, prediction, name, (low, high), "viridis"),
            (right, error, "error", (-bound, bound), "RdBu_r"),
        ):
            image = draw(axes, values, vmin=limits[0], vmax=limits[1], cmap=colormap)
            axes.set_title(title, fontsize="medium")
            if axes is not left:
                figure.colorbar(image, ax=axes, pad=0.02)
        left.set_ylabel(vertical)
    for axes in grid[-1]:
        axes.set_xlabel(horizontal)
    return figure
