"""The Well, arXiv:2412.00568: HDF5 files that its package ``the_well`` opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, uniform_step
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.meshes.ugrid import find_topology
from surrogate.datasets.storage.patient_file import patient_file
from surrogate.datasets.storage.watched import checked_when_read
from surrogate.datasets.storage.whole_files import refuse_existing, whole_file

KINDS = {"periodic": "PERIODIC", "neumann": "OPEN", "wall": "WALL", "dirichlet": "WALL"}
SUFFIXES = (".hdf5", ".h5")
_BLOCK = 1 << 26  # bytes in memory at a time


def write_the_well(fields: Fields, path: str | Path, *, overwrite: bool = False) -> None:
    """Write trajectories on a grid to one file of The Well (.hdf5, .h5).

    ``WellDataset(path=folder)`` opens all files in a folder as one dataset. ``velocity_x``, ``velocity_y``, ... for all
    axes become the vector ``velocity``, ``D_xx``, ``D_xy``, ... the tensor ``D``, and what has no axis of space a
    scalar. ``neumann`` sides are called open and ``dirichlet`` ones walls. Numbers keep their precision, which in The
    Well is single. Units and what its specification has no place for are further attributes, from which
    `open_dataset` reads the same fields again.

    Raises
    ------
    InputError
        The fields break the convention, are on no grid, have no times or times of unequal steps; another suffix; the
        path exists.
    OSError
        The file cannot be written. Nothing is left behind.
    """
    if Path(path).suffix not in SUFFIXES:
        raise expected(f"a path that ends in {' or '.join(SUFFIXES)}", f"{str(path)!r}", "Correct the suffix.")
    refuse_existing(path, overwrite)
    dataset = checked_when_read(fields)
    if find_topology(dataset) is not None or "x" not in dataset.dims:
        do = "Resample them to a grid, or use another format."
        raise expected("fields on a grid, as The Well has no others", tuple(dataset.dims), do)
    if "time" not in dataset.dims:
        raise expected("fields over time, as The Well has trajectories", tuple(dataset.dims), "Use another format.")
    uniform_step(dataset)
    grid = Grid.from_fields(dataset)
    groups, scalars = _sorted(dataset, grid)
    with (
        whole_file(path, overwrite=overwrite, size=dataset.nbytes) as part,
        patient_file(part, "w+") as whole,
        h5py.File(whole, "w") as file,
    ):
        _write_attributes(file, dataset, Path(path).stem, grid, scalars)
        _write_dimensions(file.create_group("dimensions"), dataset, grid)
        _write_boundaries(file.create_group("boundary_conditions"), grid)
        for order, members in enumerate(groups):
            group = file.create_group(f"t{order}_fields")
            group.attrs["field_names"] = _texts(members)
            for name, components in members.items():
                _write_field(group, name, [dataset[label] for label in components], grid)
        _write_scalars(file.create_group("scalars"), scalars)


def _sorted(fields: xr.Dataset, grid: Grid) -> tuple[list[dict[str, list[str]]], dict[str, xr.DataArray]]:
    """Return the labels of scalars, vectors and tensors by name, and what is not over space."""
    left = {str(name): v for name, v in fields.data_vars.items() if set(grid.names) & set(v.dims)}
    groups: list[dict[str, list[str]]] = [{}, {}, {}]
    for order in (2, 1):
        endings = ["_" + "".join(axes) for axes in product(grid.names, repeat=order)]
        for label in [label for label in left if label.endswith(endings[0])]:
            name = label.removesuffix(endings[0])
            components = [name + ending for ending in endings]
            if name and name not in left and len({left[c].dims if c in left else None for c in components}) == 1:
                groups[order][name] = components
                left = {other: v for other, v in left.items() if other not in components}
    groups[0] = {label: [label] for label in left}
    return groups, {str(name): v for name, v in fields.data_vars.items() if not set(grid.names) & set(v.dims)}


def _write_attributes(
    file: h5py.File, fields: xr.Dataset, name: str, grid: Grid, scalars: Mapping[str, xr.DataArray]
) -> None:
    constants = {label: float(scalar) for label, scalar in scalars.items() if not scalar.dims}
    file.attrs.update({"dataset_name": name, "grid_type": "cartesian", "n_spatial_dims": grid.dim})
    file.attrs["n_trajectories"] = fields.sizes.get("sample", 1)
    file.attrs["simulation_parameters"] = _texts(constants)
    file.attrs.update(constants)


def _write_dimensions(group: h5py.Group, fields: xr.Dataset, grid: Grid) -> None:
    group.attrs["spatial_dims"] = _texts(grid.names)
    described = grid.coordinates()
    for name in ("time", *grid.names):
        axis = group.create_dataset(name, data=fields[name].values)
        given = described[name].attrs | fields[name].attrs if name in described else fields[name].attrs
        for key, value in given.items():
            axis.attrs[key] = _texts(value) if isinstance(value, list) and isinstance(value[0], str) else value
        axis.attrs.update({"sample_varying": False, "time_varying": False})


def _write_boundaries(group: h5py.Group, grid: Grid) -> None:
    for name, n, sides in zip(grid.names, grid.shape, grid.boundary, strict=True):
        for kind in dict.fromkeys(KINDS[side] for side in sides):
            condition = group.create_group(f"{name}_{kind.lower()}")
            condition.attrs.update({"bc_type": kind, "sample_varying": False, "time_varying": False})
            condition.attrs["associated_dims"] = _texts([name])
            condition.attrs["associated_fields"] = _texts([])
            mask = np.zeros(n, dtype=bool)
            mask[[place for side, place in zip(sides, (0, -1), strict=True) if KINDS[side] == kind]] = True
            condition.create_dataset("mask", data=mask)
            condition.create_dataset("values", data=np.zeros(int(mask.sum()), dtype=np.float32))


def _write_scalars(group: h5py.Group, scalars: Mapping[str, xr.DataArray]) -> None:
    group.attrs["field_names"] = _texts(scalars)
    for name, scalar in scalars.items():
        _describe(group.create_dataset(name, data=scalar.values), scalar, "long_name")


def _write_field(group: h5py.Group, name: str, components: list[xr.DataArray], grid: Grid) -> None:
    """Write components behind one another on further axes, as many as the tensor has, block by block.

    An axis along which nothing varies is filled: the package ``the_well`` does not open arrays that lack one.
    """
    first, tensor = components[0], (grid.dim,) * int(group.name[2])
    lead = [dim for dim in first.dims if dim not in grid.names]
    kind = np.result_type(*(component.dtype for component in components))
    shape = (*(first.sizes[dim] for dim in lead), *grid.shape, *tensor)
    dataset = group.create_dataset(name, shape=shape, dtype=kind)
    filled = (..., *(slice(None) if axis in first.dims else None for axis in grid.names), None)
    for block in _blocks(first, len(lead)):
        parts = [np.asarray(component[block].values, kind)[filled] for component in components]
        values = np.concatenate(parts, axis=-1)
        whole = np.broadcast_to(values, (*values.shape[: len(lead)], *grid.shape, len(components)))
        dataset[block] = whole.reshape(*whole.shape[:-1], *tensor)
    _describe(dataset, first, *([] if tensor else ["long_name"]))
    dataset.attrs["dim_varying"] = np.ones(grid.dim, dtype=bool)
    dataset.attrs["repeated_along"] = _texts([axis for axis in grid.names if axis not in first.dims])
    if len(tensor) == 2:
        dataset.attrs.update({"symmetric": False, "antisymmetric": False})


def _blocks(array: xr.DataArray, lead: int) -> Iterator[tuple[slice, ...]]:
    """Return the parts that are in memory at a time: some times of one sample, or some samples or times."""
    if lead == 0:
        yield ()
        return
    entry = array.nbytes // int(np.prod(array.shape[:lead]))
    step = max(1, _BLOCK // max(entry, 1))
    outer = [(slice(number, number + 1),) for number in range(array.shape[0])] if lead == 2 else [()]
    for before in outer:
        for start in range(0, array.shape[lead - 1], step):
            yield (*before, slice(start, start + step))


def _describe(dataset: h5py.Dataset, array: xr.DataArray, *further: str) -> None:
    dataset.attrs.update({f"{dim}_varying": dim in array.dims for dim in ("sample", "time")})
    dataset.attrs.update({key: array.attrs[key] for key in ("units", *further) if key in array.attrs})


def _texts(values: Iterable[str]) -> np.ndarray:
    return np.array(list(values), dtype=h5py.string_dtype())
