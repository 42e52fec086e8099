"""Fields in space, seen in perspective, by PyVista."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, require
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.storage.whole_files import refuse_existing, whole_file
from surrogate.evaluation.plots.style import limits

if TYPE_CHECKING:
    from pyvista import Plotter, RectilinearGrid

WINDOW = (1000, 800)
BAR = {"vertical": True, "position_x": 0.88, "position_y": 0.25, "height": 0.5, "width": 0.06}


def plot_slices(
    fields: Fields,
    name: str,
    *,
    sample: int = 0,
    time: int = -1,
    path: str | Path | None = None,
    overwrite: bool = False,
) -> Plotter:
    """Draw three planes through the middle of a field in space.

    Parameters
    ----------
    fields
        Fields on a grid of three dimensions.
    name
        Which field.
    sample, time
        Numbers of the sample and of the frame.
    path
        Save a picture here, ``.png``, without opening a window; without it call ``show`` on the value.
    overwrite
        Replace ``path`` if it exists.

    Returns
    -------
    pyvista.Plotter
        The scene.

    Raises
    ------
    InputError
        No PyVista (the extra ``volume``), no such field, sample or frame, or other than three dimensions.
    """
    volume, look = _volume(fields, name, sample, time)
    plotter = _plotter(path, overwrite)
    plotter.add_mesh(volume.slice_orthogonal().combine(), scalars=name, lighting=False, **look)
    return _finished(plotter, volume, path, overwrite)


def plot_isosurfaces(
    fields: Fields,
    name: str,
    *,
    levels: Sequence[float] | None = None,
    sample: int = 0,
    time: int = -1,
    path: str | Path | None = None,
    overwrite: bool = False,
) -> Plotter:
    """Draw the surfaces on which a field in space has given values; `vorticity` gives that of a flow.

    Parameters
    ----------
    fields, name, sample, time, path, overwrite
        See `plot_slices`.
    levels
        The values; default: one, which the field exceeds in 5 % of the volume.

    Returns
    -------
    pyvista.Plotter
        The scene.

    Raises
    ------
    InputError
        As `plot_slices`; levels that the field does not reach.
    """
    volume, look = _volume(fields, name, sample, time)
    values = np.asarray(volume[name])
    chosen = [float(np.quantile(values, 0.95))] if levels is None else [float(level) for level in levels]
    outside = [level for level in chosen if not values.min() < level < values.max()]
    if outside or not chosen:
        do = "Choose levels between them."
        raise expected(f"levels between {values.min():.4g} and {values.max():.4g}", outside or chosen, do)
    plotter = _plotter(path, overwrite)
    plotter.add_mesh(volume.contour(chosen, scalars=name), scalars=name, smooth_shading=True, **look)
    return _finished(plotter, volume, path, overwrite)


def _volume(fields: Fields, name: str, sample: int, time: int) -> tuple[RectilinearGrid, dict[str, Any]]:
    pyvista = _pyvista()
    field = _frame(as_dataset(fields), name, sample, time)
    volume = pyvista.RectilinearGrid(*(field[axis].values.astype(float) for axis in "xyz"))
    volume[name] = field.values.astype(float).ravel(order="F")
    low, high, colors = limits(field.values)
    return volume, {"clim": (low, high), "cmap": colors, "scalar_bar_args": BAR | {"title": name}}


def _frame(dataset: xr.Dataset, name: str, sample: int, time: int) -> xr.DataArray:
    require(dataset, [name])
    field = dataset[name]
    for dim, number in (("sample", sample), ("time", time)):
        size = field.sizes.get(dim, 1)
        if not -size <= number < size:
            raise expected(f"a {dim} out of {size}", number, "Choose one that there is.")
    field = field.isel({dim: number for dim, number in (("sample", sample), ("time", time)) if dim in field.dims})
    if field.dims != ("x", "y", "z"):
        do = "Draw other fields with `plot_fields`."
        raise expected("a field over x, y and z", f"{name!r} over {field.dims}", do)
    Grid.from_fields(dataset)  # or say what is wrong with the axes
    return field


def _pyvista() -> Any:
    try:
        import pyvista
    except ImportError as error:
        raise expected("PyVista, to draw in space", "none", "Run: pip install 'surrogate-pde[volume]'") from error
    return pyvista


def _plotter(path: str | Path | None, overwrite: bool) -> Plotter:
    if path is not None and refuse_existing(path, overwrite).suffix != ".png":
        raise expected("a picture that ends in .png", repr(str(path)), "Correct the suffix.")
    plotter: Plotter = _pyvista().Plotter(off_screen=path is not None, window_size=list(WINDOW))
    return plotter


def _finished(plotter: Any, volume: RectilinearGrid, path: str | Path | None, overwrite: bool) -> Plotter:
    scene: Plotter = plotter
    plotter.add_mesh(volume.outline(), color="gray")
    plotter.show_bounds(bounds=volume.bounds, xtitle="x", ytitle="y", ztitle="z", location="outer", grid=False)
    plotter.camera.zoom(0.8)
    if path is not None:
        from PIL import Image

        with whole_file(path, overwrite=overwrite) as part:
            Image.fromarray(plotter.screenshot(return_img=True)).save(part, format="png")
    return scene
