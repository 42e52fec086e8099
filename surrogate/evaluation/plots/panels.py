"""Truth, prediction and error side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from surrogate.datasets.grid import AXES
from surrogate.evaluation.plots.style import REFERENCE, canvas, colors
from surrogate.evaluation.report import Comparison


def panels(comparison: Comparison) -> Figure:
    """Draw reference, predictions and errors of one sample: over space and time in 1-D, at the last time in 2-D.

    In 3-D the middle plane of the last axis is shown.
    """
    examples = comparison.examples
    field = str(comparison.scores["field"].values[0])
    frames = examples[field]
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
    names = [str(name) for name in frames["member"].values]
    horizontal, vertical = ("time", "x") if "time" in frames.dims else ("x", "y")
    frames = frames.transpose("member", vertical, horizontal)
    truth = frames.values[0]
    rows = len(names) - 1
    figure = canvas(10.0, 0.6 + 2.7 * rows)
    grid = figure.subplots(rows, 3, squeeze=False, sharex=True, sharey=True)
    low, high = float(truth.min()), float(truth.max())
    look: dict[str, Any] = {"shading": "nearest", "rasterized": True}
    for name, prediction, (left, middle, right) in zip(names[1:], frames.values[1:], grid, strict=True):
        error = prediction - truth
        finite = np.abs(error[np.isfinite(error)])
        bound = float(finite.max(initial=0.0)) or 1.0
        for axes, values, title, limits, colormap in (
            (left, truth, f"reference: {field}", (low, high), "viridis"),
            (middle, prediction, name, (low, high), "viridis"),
            (right, error, "error", (-bound, bound), "RdBu_r"),
        ):
            mesh = axes.pcolormesh(
                frames[horizontal], frames[vertical], values, vmin=limits[0], vmax=limits[1], cmap=colormap, **look
            )
            axes.set_title(title, fontsize="medium")
            if axes is not left:
                figure.colorbar(mesh, ax=axes, pad=0.02)
        left.set_ylabel(vertical)
    for axes in grid[-1]:
        axes.set_xlabel("time since the start" if horizontal == "time" else horizontal)
    return figure
