"""One sample of any fields: lines, images over space and time, meshes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, require
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.samples.ragged import select_samples
from surrogate.datasets.time_axis import stamps_of
from surrogate.evaluation.plots.mesh_drawing import draw_points
from surrogate.evaluation.plots.style import SURROGATES, canvas, date_axis, limits, tidy

COLUMNS = 3


def plot_fields(
    fields: Fields,
    *,
    names: Sequence[str] | None = None,
    sample: int = 0,
    time: int = -1,
    figure: Figure | None = None,
) -> Figure:
    """Draw the fields of one sample, a panel each.

    Series and fields over one axis are lines, a field over ``x`` and ``time`` an image of both. In more dimensions a
    field is shown at one time, in 3-D on the middle plane; on a flat mesh as colored cells, on other points as dots.

    Parameters
    ----------
    fields
        What to draw.
    names
        Which fields; default: all that are not single numbers (these go into the title).
    sample
        Number of the sample.
    time
        Number of the frame, for what is shown at one time; default: the last.
    figure
        Where to draw, such as ``plt.figure(layout="constrained")`` to see it in a window or a notebook; default: a new
        figure, to be saved with ``savefig``.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    InputError
        Names, a sample or a frame that are not there, or nothing to draw.
    """
    dataset = as_dataset(fields)
    require(dataset, names or [])
    for what, number, size in (("sample", sample, dataset.sizes.get("sample", 1)), ("time", time, _frames(dataset))):
        if not -size <= number < size:
            raise expected(f"a {what} out of {size}", number, "Choose one that there is.")
    part = select_samples(dataset, [sample % dataset.sizes["sample"]]) if "sample" in dataset.dims else dataset
    part = part.isel(sample=0, drop=True) if "sample" in part.dims else part
    numbers = {str(name): float(v) for name, v in part.data_vars.items() if not v.dims}
    chosen = [str(name) for name in names or part.data_vars if part[name].dims]
    if not chosen:
        raise expected("a field over time or space", list(part.data_vars), "Choose other `names`.")
    series = all(part[name].dims == ("time",) for name in chosen)
    columns = 1 if series else min(COLUMNS, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    figure = figure or canvas(
        7.2 if columns == 1 else 4.0 * columns, 0.6 + (1.3 if series and rows > 1 else 3.2) * rows
    )
    panels = figure.subplots(rows, columns, squeeze=False, sharex=series).ravel()
    for axes, name in zip(panels, chosen, strict=False):
        _panel(axes, part, name, time)
    for axes in panels[len(chosen) :]:
        axes.remove()
    for axes in panels[:-1] if series else ():
        axes.set_xlabel("")
    if numbers:
        figure.suptitle(", ".join(f"{name} = {value:.4g}" for name, value in numbers.items()), fontsize="medium")
    figure.align_ylabels()
    return figure


def _frames(dataset: xr.Dataset) -> int:
    return dataset.sizes.get("time", 1)


def _panel(axes: Axes, part: xr.Dataset, name: str, time: int) -> None:
    field = part[name]
    space = [axis for axis in AXES if axis in field.dims]
    when = ""
    if "time" in field.dims and field.dims not in (("time",), ("time", "x")):
        field, part = field.isel(time=time), part.isel(time=time)
        when = f" at time {float(part['time']):.4g}"
    if len(field.dims) == 1 and (space or field.dims == ("time",)):
        _line(axes, field)
        return
    axes.set_title(f"{name}{when}", fontsize="medium")
    if not space:
        draw_points(axes, part, name)
        return
    if len(space) == 3:
        field = field.isel({space[-1]: field.sizes[space[-1]] // 2})
    _image(axes, field)


def _line(axes: Axes, field: xr.DataArray) -> None:
    (dim,) = field.dims
    points = _points(field[dim])
    axes.plot(points, field.values, color=SURROGATES[1], lw=1.0)
    if points.dtype.kind == "M":
        date_axis(axes)
    axes.set(xlabel=_label(field[dim]), ylabel=_label(field))
    tidy(axes)


def _image(axes: Axes, field: xr.DataArray) -> None:
    """Draw a field over ``(time, x)`` or ``(x, y)``: the first horizontally."""
    horizontal, vertical = (field[dim] for dim in field.dims)
    low, high, colors = limits(field.values)
    image = axes.pcolormesh(
        _points(horizontal), _points(vertical), field.values.T, vmin=low, vmax=high, cmap=colors, shading="nearest"
    )
    image.set_rasterized(True)
    axes.set(xlabel=_label(horizontal), ylabel=_label(vertical))
    flat = horizontal.name != "time"
    axes.set_aspect("equal" if flat else "auto")
    axes.figure.colorbar(image, ax=axes, pad=0.02, shrink=0.85 if flat else 1.0)


def _points(coordinate: xr.DataArray) -> np.ndarray:
    """Return the points of an axis, dates where it holds them."""
    dated = " since " in str(coordinate.attrs.get("units", ""))
    return stamps_of(coordinate).to_numpy() if dated else coordinate.values


def _label(variable: xr.DataArray) -> str:
    units = str(variable.attrs.get("units", "1"))
    return str(variable.name) if units == "1" or " since " in units else f"{variable.name} ({units})"
