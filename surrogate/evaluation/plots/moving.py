"""Panels whose field changes from frame to frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from surrogate.datasets.grids.grid import AXES
from surrogate.evaluation.plots.mesh_drawing import draw_field
from surrogate.evaluation.plots.style import SURROGATES, limits, tidy

Redraw = Callable[[int], None]


@dataclass(frozen=True)
class Moving:
    """A field of one sample over time: where it is, its name, the title and the range of its panel."""

    part: xr.Dataset
    name: str
    title: str
    look: tuple[float, float, str]

    @classmethod
    def of(cls, part: xr.Dataset, name: str, title: str | None = None, like: xr.DataArray | None = None) -> Moving:
        """Return a panel with the range of all frames of its field, or of those of another field ``like`` it."""
        values = part[name].values if like is None else like.values
        finite = values[np.isfinite(values)]
        return cls(part, name, title or name, limits(finite if finite.size else np.zeros(1)))

    @property
    def is_line(self) -> bool:
        """Whether there is one axis of a grid."""
        return sum(axis in self.part[self.name].dims for axis in AXES) == 1

    def draw(self, axes: Axes) -> Redraw:
        """Draw the first frame; the value redraws with another."""
        axes.set_title(self.title, fontsize="medium")
        if self.is_line:
            return self._line(axes)
        if any(axis in self.part[self.name].dims for axis in AXES):
            return self._image(axes)
        return self._points(axes)

    def _line(self, axes: Axes) -> Redraw:
        field = self.part[self.name]
        low, high, _ = self.look
        margin = 0.05 * (high - low) or 1.0
        (line,) = axes.plot(field["x"], field.values[0], color=SURROGATES[1], lw=1.2)
        axes.set(xlabel="x", ylim=(low - margin, high + margin))
        tidy(axes)
        return lambda time: line.set_ydata(field.values[time])

    def _image(self, axes: Axes) -> Redraw:
        field = self.part[self.name]
        if "z" in field.dims:
            field = field.isel(z=field.sizes["z"] // 2)
        frames = field.transpose("time", "y", "x")
        low, high, colors = self.look
        image = axes.pcolormesh(
            field["x"], field["y"], frames.values[0], vmin=low, vmax=high, cmap=colors, shading="nearest"
        )
        axes.set(xlabel="x", ylabel="y", aspect="equal")
        axes.figure.colorbar(image, ax=axes, pad=0.02, shrink=0.85)
        return lambda time: image.set_array(frames.values[time])

    def _points(self, axes: Axes) -> Redraw:
        low, high, colors = self.look

        def frame(time: int) -> xr.Dataset:
            return self.part.isel(time=time)

        shown = [draw_field(axes, frame(0), self.name, vmin=low, vmax=high, cmap=colors)]
        axes.set(xlabel="x", ylabel="y", aspect="equal")
        axes.figure.colorbar(shown[0], ax=axes, pad=0.02, shrink=0.85)

        def redraw(time: int) -> None:
            shown.pop().remove()
            shown.append(draw_field(axes, frame(time), self.name, vmin=low, vmax=high, cmap=colors))

        return redraw
