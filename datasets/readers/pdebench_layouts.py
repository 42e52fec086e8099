"""The layouts of PDEBench's HDF5 files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES, Grid, Sides
from surrogate.datasets.readers.axes import time_axis
from surrogate.datasets.readers.even_axes import cell_grid
from surrogate.datasets.readers.hdf5 import common_row_in, dataset_in, number_in, own_group, vector_in
from surrogate.datasets.readers.lazy import JoinedArray, LazyArray, StoredArray, lazy_dataset

PERIODIC = ("periodic", "periodic")
OPEN = ("neumann", "neumann")  # cells beyond the side copy the last one
CLOSED = ("wall", "wall")
FLOW = {"density": "density", "pressure": "pressure", "Vx": "velocity_x", "Vy": "velocity_y", "Vz": "velocity_z"}
SMOKE = (
    "velocity_t + velocity . grad velocity = -grad p + viscosity div grad velocity + particles force, "
    "div velocity = 0, particles_t + velocity . grad particles = 0"
)
#: Of files with a group for each sample, by the number of axes and of components: the fields and the sides.
GROUPS: dict[tuple[int, int], tuple[tuple[str, ...], dict[str, Sides]]] = {
    (1, 1): (("concentration",), {"x": ("dirichlet", "wall")}),
    (2, 1): (("water_height",), {"x": OPEN, "y": OPEN}),
    (2, 2): (("activator", "inhibitor"), {"x": OPEN, "y": OPEN}),
}


def layout_of(file: h5py.File) -> Callable[[h5py.File], xr.Dataset] | None:
    """Return what reads the layout of a file; None where it is not of PDEBench."""
    if {"density", "pressure", "Vx", "x-coordinate"} <= file.keys():
        return _compressible
    if {"nu", "tensor", "x-coordinate", "y-coordinate"} <= file.keys():
        return _darcy
    if {"tensor", "x-coordinate"} <= file.keys():
        return _one_dimensional
    if {"particles", "velocity", "force", "t"} <= file.keys():
        return _incompressible
    first = own_group(file, next(filter(str.isdecimal, file), None))
    return _grouped if first is not None and {"data", "grid"} <= first.keys() else None


def _one_dimensional(file: h5py.File) -> xr.Dataset:
    u = _array(file, "tensor", ("sample", "time", "x"))
    beta, nu, rho = (_number(file, name) for name in ("beta", "nu", "rho"))
    equation, parameters = "", {}
    if beta is not None:
        equation, parameters = "u_t + velocity . grad u = 0", {"velocity_x": beta}
    elif nu is not None and rho is not None:
        equation, parameters = "u_t = diffusivity div grad u + rate u (1 - u)", {"diffusivity": nu, "rate": rho}
    elif nu is not None:
        equation, parameters = "u_t + (u^2/2)_x = viscosity u_xx", {"viscosity": nu / math.pi}
    return _fields(file, {"u": u}, {"x": PERIODIC}, parameters, equation)


def _darcy(file: h5py.File) -> xr.Dataset:
    arrays = {
        "permeability": _array(file, "nu", ("sample", "x", "y")),
        "pressure": _array(file, "tensor", ("sample", 0, "x", "y")),
    }
    beta = _number(file, "beta")
    sides: dict[str, Sides] = dict.fromkeys("xy", ("dirichlet", "dirichlet"))
    parameters = {} if beta is None else {"source": beta}
    return _fields(file, arrays, sides, parameters, "-div(permeability grad pressure) = source")


def _compressible(file: h5py.File) -> xr.Dataset:
    space = tuple(axis for axis in AXES if f"{axis}-coordinate" in file and f"V{axis}" in file)
    arrays = {ours: _array(file, theirs, ("sample", "time", *space)) for theirs, ours in FLOW.items() if theirs in file}
    name = Path(file.filename).stem
    sides = PERIODIC if "periodic" in name else OPEN if "trans" in name else CLOSED
    given = {"shear_viscosity": "eta", "bulk_viscosity": "zeta", "mach_number": "M"}
    parameters = {ours: value for ours, theirs in given.items() if (value := _number(file, theirs)) is not None}
    return _fields(file, arrays, dict.fromkeys(space, sides), parameters)


def _incompressible(file: h5py.File) -> xr.Dataset:
    """Read smoke in a closed box; the parameters are in the settings of the script, stored as YAML."""
    moving, still = ("sample", "time", "x", "y"), ("sample", "x", "y")
    arrays: dict[str, LazyArray] = {"particles": StoredArray(dataset_in(file, "particles"), (*moving, 0))}
    for number, axis in enumerate("xy"):
        arrays[f"velocity_{axis}"] = StoredArray(dataset_in(file, "velocity"), (*moving, number))
        arrays[f"force_{axis}"] = StoredArray(dataset_in(file, "force"), (*still, number))
    _, frames, *shape = arrays["particles"].shape
    grid = Grid(shape=tuple(shape), location="cell")
    viscosity = re.search(r"^NU: *(\S+)$", str(file.attrs.get("config", "")), re.MULTILINE)
    parameters = {"viscosity": float(viscosity[1])} if viscosity else {}
    fields = _on_grid(file, arrays, grid, common_row_in(file, "t", frames), parameters, SMOKE)
    fields.attrs["comment"] = "The file has no coordinates: those of the unit square were assumed."
    return fields


def _grouped(file: h5py.File) -> xr.Dataset:
    """Read a group for each sample; diffusion-reaction has y before x, shallow water x before y."""
    names = sorted(filter(str.isdecimal, file), key=int)
    first = dataset_in(file, f"{names[0]}/data")
    kind = (first.ndim - 2, first.shape[-1])
    if kind not in GROUPS:
        got = f"shape {first.shape}"
        raise expected(
            f"(time, *space, component) in '{names[0]}/data' of {file.filename!r}", got, "Open it as arrays."
        )
    labels, sides = GROUPS[kind]
    space = ["y", "x"] if len(labels) == 2 else list(sides)
    arrays: dict[str, LazyArray] = {}
    for number, label in enumerate(labels):
        axes: list[str | int] = ["time", *space, number]
        parts = [StoredArray(dataset_in(file, f"{name}/data"), axes) for name in names]
        arrays[label] = JoinedArray(parts, "sample")
    return _fields(file, arrays, sides, {}, coordinate=f"{names[0]}/grid/{{}}")


def _fields(
    file: h5py.File,
    arrays: Mapping[str, LazyArray],
    sides: Mapping[str, Sides],
    parameters: Mapping[str, float],
    equation: str = "",
    coordinate: str = "{}-coordinate",
) -> xr.Dataset:
    """Return arrays with the coordinates in the file; times may be one more than there are frames."""
    sizes = {dim: size for array in arrays.values() for dim, size in zip(array.dims, array.shape, strict=True)}
    centers = {axis: vector_in(file, coordinate.format(axis), sizes[axis]) for axis in sides}
    times = None
    if (frames := sizes.get("time")) is not None:
        times = vector_in(file, coordinate.format("t"), frames, frames + 1)[:frames]
    return _on_grid(file, arrays, cell_grid(centers, sides), times, parameters, equation)


def _on_grid(
    file: h5py.File,
    arrays: Mapping[str, LazyArray],
    grid: Grid,
    times: np.ndarray | None,
    parameters: Mapping[str, float],
    equation: str,
) -> xr.Dataset:
    coords = grid.coordinates() | time_axis(None if times is None else len(times), times, None, file.filename)
    scalars = {name: xr.Variable((), value, _named(name)) for name, value in parameters.items()}
    fields = lazy_dataset(arrays, {name: _named(name) for name in arrays}, scalars, coords, Path(file.filename).name)
    fields.attrs |= {"equation": equation} if equation else {}
    return fields


def _array(file: h5py.File, name: str, axes: Sequence[str | int]) -> LazyArray:
    """Return an array over these axes; it may have one more of length 1 at an end, or no samples."""
    dataset = dataset_in(file, name)
    if dataset.ndim == len(axes) + 1 and dataset.shape[-1] == 1:
        return StoredArray(dataset, (*axes, 0))
    if dataset.ndim == len(axes) + 1 and dataset.shape[0] == 1:
        return StoredArray(dataset, (0, *axes))
    if dataset.ndim == len(axes) - 1:
        return JoinedArray([StoredArray(dataset, axes[1:])], "sample")
    return StoredArray(dataset, axes)


def _number(file: h5py.File, name: str) -> float | None:
    """Return a parameter from the attributes, else from the name of the file, such as ``Nu0.01`` or ``Eta1.e-8``."""
    for key in file.attrs:
        if key.lower() == name.lower() and (value := number_in(file.attrs, key)) is not None:
            return value
    found = re.search(rf"(?:^|_){name}(\d+\.\d*(?:e-?\d+)?|\d+e-?\d+)(?=_|$)", Path(file.filename).stem, re.IGNORECASE)
    return float(found[1]) if found else None


def _named(name: str) -> dict[str, str]:
    return {"units": "1", "long_name": name.replace("_", " ")}
