"""Rectangular meshes in XDMF, as fields on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.datasets.readers.meshio_mesh import component_names
from surrogate.datasets.readers.stacked import StackedArray
from surrogate.datasets.readers.xdmf_items import Items
from surrogate.datasets.readers.xdmf_series import Series

RECTANGULAR = ("2DRectMesh", "3DRectMesh", "2DCoRectMesh", "3DCoRectMesh")

Runs = Sequence[tuple[Items, Series]]


class _Field(NamedTuple):
    """Where a field is: the name of its attribute, which component of it, and its array in the file."""

    attribute: str
    component: int | None
    shape: tuple[int, ...]
    dtype: np.dtype


def grids_to_fields(runs: Runs) -> xr.Dataset:
    """Return runs on one rectangular mesh, one sample each.

    Points or cells of the mesh become those of the grid, whichever have values. Axes with a single one are left out.

    Raises
    ------
    InputError
        Grids, times or fields that differ between runs or in time, or values both at points and in cells.
    """
    items, first = runs[0]
    corners = _corners(items, first.frames[0])
    for others, series in runs:
        for frame in series.frames:
            same = zip(corners, _corners(others, frame), strict=True)
            if not all(np.array_equal(mine, theirs) for mine, theirs in same) or not _same_times(series, first):
                do = "Interpolate them, or open them apart."
                raise expected(f"one grid and the same times in {str(others.path)!r}", "others", do)
    grid = _grid(items, corners, _center(items, first.frames[0]))
    fields = _fields(items, first.frames[0])
    variables = {name: _variable(runs, name, field, grid) for name, field in fields.items()}
    coords = dict(grid.coordinates())
    if first.times is not None:
        coords["time"] = xr.Variable(("time",), first.times, {"units": "1", "long_name": "time"})
    return xr.Dataset(variables, coords=coords, attrs={"source": ", ".join({str(i.path): None for i, _ in runs})})


def _corners(items: Items, frame: Element) -> list[np.ndarray]:
    """Return the coordinates of the points along x, y and z."""
    topology, geometry = frame.find("Topology"), frame.find("Geometry")
    if topology is None or geometry is None:
        raise expected(f"topology and geometry in each grid of {str(items.path)!r}", "none", "Export them as well.")
    topology, geometry = items.referred(topology), items.referred(geometry)
    data = [items.read(item).astype(np.float64).ravel() for item in geometry.findall("DataItem")]
    kind = geometry.get("GeometryType", geometry.get("Type", "")).upper()
    if kind in ("VXVYVZ", "VXVY"):
        return data
    sizes = topology.get("Dimensions", topology.get("NumberOfElements", "")).split()
    if not kind.startswith("ORIGIN_") or len(data) != 2 or not len(data[0]) == len(data[1]) == len(sizes):
        raise expected(
            f"axes of a rectangular mesh in {str(items.path)!r}", repr(kind), "Write VXVYVZ or ORIGIN_DXDYDZ."
        )
    origin, step = data
    return [start + by * np.arange(int(size)) for start, by, size in zip(origin, step, sizes, strict=True)][::-1]


def _center(items: Items, frame: Element) -> str:
    """Return where all fields have their values."""
    centers = {attribute.get("Center", "Node") for attribute in frame.findall("Attribute")} - {"Grid"}
    if len(centers) != 1 or not centers <= {"Node", "Cell"}:
        do = "Export one kind of data (ParaView: Point Data to Cell Data)."
        raise expected(f"fields at points or in cells of the grid in {str(items.path)!r}", sorted(centers), do)
    return centers.pop()


def _grid(items: Items, corners: Sequence[np.ndarray], center: str) -> Grid:
    """Return the grid of the axes with more than one point, or cell."""
    cells = center == "Cell"
    sizes = [len(points) - cells for points in corners]
    axes = [points for points, size in zip(corners, sizes, strict=True) if size > 1]
    if not axes or min(sizes[: len(axes)]) < 2:
        raise expected(f"a grid along x, x and y, or all in {str(items.path)!r}", f"{sizes} points", "Turn it.")
    even = [np.allclose(np.diff(points), np.diff(points)[0], rtol=1e-6, atol=0) for points in axes]
    return Grid(
        shape=tuple(len(points) - cells for points in axes),
        extent=tuple((points[0], points[-1]) for points in axes),
        location="cell" if cells else "node",
        stretching=tuple("uniform" if flat else points for flat, points in zip(even, axes, strict=True)),
    )


def _fields(items: Items, frame: Element) -> dict[str, _Field]:
    found = {}
    for attribute in frame.findall("Attribute"):
        name, values = attribute.attrib["Name"], _values(items, attribute)
        dtype = np.dtype(np.float32 if values.dtype == np.float32 else np.float64)
        if attribute.get("AttributeType", "Scalar") == "Scalar":
            found[name] = _Field(name, None, values.shape, dtype)
            continue
        for number, axis in enumerate(component_names(values.shape[-1])):
            found[f"{name}_{axis}"] = _Field(name, number, values.shape, dtype)
    if not found:
        raise expected(f"fields in {str(items.path)!r}", "a grid without any", "Export the results as well.")
    return found


def _variable(runs: Runs, name: str, field: _Field, grid: Grid) -> xr.Variable:
    series = runs[0][1]
    read = partial(_read, runs, field, grid.shape)
    times = () if series.times is None else (len(series.times),)
    dims = ("sample", *("time" for _ in times), *AXES[: grid.dim])
    shape = (len(runs), *times, *grid.shape)
    array = StackedArray(read, dims, shape, field.dtype, frames=1 + len(times))
    variable = array.variable({"units": "1", "long_name": name})
    return variable.isel(time=0) if field.attribute in series.still else variable


def _read(runs: Runs, field: _Field, shape: tuple[int, ...], sample: int, frame: int = 0) -> np.ndarray:
    """Return a field of one frame with the axes of space in our order; the file has z first."""
    items, series = runs[sample]
    found = [a for a in series.frames[frame].findall("Attribute") if a.get("Name") == field.attribute]
    values = _values(items, found[0]) if found else None
    if values is None or values.shape != field.shape:
        got = "none" if values is None else values.shape
        do = "Give all times the same fields."
        raise expected(f"{field.attribute!r} of shape {field.shape} in frame {frame} of {str(items.path)!r}", got, do)
    if field.component is not None:
        values = values[..., field.component]
    if values.size != np.prod(shape):
        raise expected(f"values {shape} of {field.attribute!r} in {str(items.path)!r}", values.shape, "Write it again.")
    return values.reshape(shape[::-1]).T.astype(field.dtype, copy=False)


def _values(items: Items, attribute: Element) -> np.ndarray:
    found = attribute.findall("DataItem")
    if len(found) != 1:
        raise expected(f"one DataItem for {attribute.get('Name')!r} in {str(items.path)!r}", len(found), "Correct it.")
    return items.read(found[0])


def _same_times(one: Series, other: Series) -> bool:
    if one.times is None or other.times is None:
        return one.times is other.times
    return np.array_equal(one.times, other.times)
