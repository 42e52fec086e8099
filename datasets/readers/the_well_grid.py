"""Axes and boundaries of files of The Well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import h5py
import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES, Grid, Sides
from surrogate.datasets.readers.even_axes import is_even, rounded_ends
from surrogate.datasets.readers.hdf5 import dataset_in, vector_in

#: Their kinds of boundary, and ours; a side of which they say nothing is open.
KINDS = {"PERIODIC": "periodic", "OPEN": "neumann", "WALL": "wall"}


def words(attributes: h5py.AttributeManager, name: str) -> list[str]:
    """Return an attribute that is a list of words."""
    values = np.atleast_1d(np.asarray(attributes.get(name, []), dtype=object)).ravel()
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def space_coordinates(file: h5py.File) -> dict[str, xr.Variable]:
    """Return the coordinates of space, in the order in which the file has its axes.

    Raises
    ------
    InputError
        Axes other than x, y, z, or that differ by sample or time; points that do not increase; a periodic axis that is
        not evenly spaced.
    """
    names = words(file["dimensions"].attrs, "spatial_dims")
    kind = file.attrs.get("grid_type", "cartesian")
    if not names or sorted(names) != list(AXES[: len(names)]) or kind not in ("cartesian", b"cartesian"):
        got = f"{kind!s} {names}"
        raise expected(f"cartesian axes {', '.join(AXES)} in {file.filename!r}", got, "Interpolate the data to a box.")
    points = {}
    for name in names:
        dataset = dataset_in(file, f"dimensions/{name}")
        if dataset.attrs.get("sample_varying", False) or dataset.attrs.get("time_varying", False):
            do = "Interpolate the data to one grid."
            raise expected(f"one axis {name} for all samples and times in {file.filename!r}", "one for each", do)
        points[name] = vector_in(file, f"dimensions/{name}", dataset.size)
    if all({"extent", "boundary", "location"} <= file[f"dimensions/{name}"].attrs.keys() for name in names):
        return {name: _ours(file[f"dimensions/{name}"], values) for name, values in points.items()}
    grid = _grid({name: points[name] for name in sorted(names)}, _sides(file, names))
    coordinates = grid.coordinates()
    return {name: coordinates[name] for name in names}


def _ours(dataset: h5py.Dataset, points: np.ndarray) -> xr.Variable:
    kept = {name: value for name, value in dataset.attrs.items() if name not in ("sample_varying", "time_varying")}
    return xr.Variable((dataset.name.rsplit("/", 1)[-1],), points, kept)


def _grid(points: Mapping[str, np.ndarray], sides: Mapping[str, Sides]) -> Grid:
    """Return the grid; its points are centers of cells where they begin half a step from zero, and nodes else."""
    even = {name: len(values) > 1 and is_even(values) for name, values in points.items()}
    cells = all(even.values()) and all(_centered(values, sides[name]) for name, values in points.items())
    extent, stretching = [], []
    for name, values in points.items():
        wraps = sides[name][0] == "periodic"
        if not even[name] and (wraps or len(values) < 2):
            do = "Interpolate the data to equal steps."
            raise expected(f"equally spaced points along the periodic axis {name}", "others", do)
        ends = (0.5, 0.5) if cells else (0.0, float(wraps))
        extent.append(rounded_ends(values, *ends) if even[name] else (values[0], values[-1]))
        stretching.append("uniform" if even[name] else values.tolist())
    return Grid(
        shape=tuple(map(len, points.values())),
        extent=tuple(extent),
        boundary=tuple(sides[name] for name in points),
        location="cell" if cells else "node",
        stretching=tuple(stretching),
    )


def _centered(points: np.ndarray, sides: Sides) -> bool:
    step = (points[-1] - points[0]) / (len(points) - 1)
    half = abs(points[0] - step / 2) < 0.01 * step
    return bool(half or (sides[0] == "periodic" and abs(points[0] + points[-1]) < 0.01 * step))


def _sides(file: h5py.File, names: Sequence[str]) -> dict[str, Sides]:
    """Return the kinds of the sides.

    As in the package of The Well, a side counts as periodic or open where a part of it is, as wall where all of it is.
    """
    sides = {name: ["neumann", "neumann"] for name in names}
    conditions = file["boundary_conditions"]
    for condition in conditions:
        kind = words(conditions[condition].attrs, "bc_type")[0].upper()
        dims = words(conditions[condition].attrs, "associated_dims")
        if kind not in KINDS or not set(dims) <= set(names):
            where = f"'boundary_conditions/{condition}' of {file.filename!r}"
            raise expected(
                f"a boundary out of {', '.join(KINDS).lower()} on {names} in {where}",
                f"{kind} on {dims}",
                "Correct it.",
            )
        mask = dataset_in(conditions, f"{condition}/mask")[()].astype(bool)
        for number, name in enumerate(dims):
            for side, place in enumerate((0, -1)):
                face = np.take(mask, place, axis=number)
                if face.all() if kind == "WALL" else face.any():
                    sides[name][side] = KINDS[kind]
    return {name: (low, high) for name, (low, high) in sides.items()}
