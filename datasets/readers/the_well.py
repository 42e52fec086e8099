"""The Well, arXiv:2412.00568: HDF5 files of its specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.readers.hdf5 import common_row_in, dataset_in, looks_like, opened
from surrogate.datasets.readers.hdf5_claims import refuse_references
from surrogate.datasets.readers.lazy import JoinedArray, LazyArray, StoredArray, lazy_dataset
from surrogate.datasets.readers.the_well_grid import space_coordinates, words

GROUPS = {"dimensions", "boundary_conditions", "t0_fields", "t1_fields", "t2_fields"}


def is_the_well(path: Path) -> bool:
    """Return whether a file follows the specification of The Well."""
    return looks_like(path, lambda file: file.keys() >= GROUPS and "n_spatial_dims" in file.attrs)


def read_the_well(path: Path) -> xr.Dataset:
    """Read a file of The Well, lazily.

    A vector ``velocity`` becomes ``velocity_x``, ``velocity_y``, ...; a tensor ``D`` becomes ``D_xx``, ``D_xy``, ...
    Scalars become parameters. What does not vary with the sample, with time or along an axis has no such dimension.
    Open sides become ``neumann``. Points are nodes unless they begin half a step from zero: the format does not say.

    Raises
    ------
    InputError
        Truncated, with arrays that do not fit the attributes or the axes, or on other than cartesian axes.
    """
    return read_the_well_files([path])


def read_the_well_files(paths: Sequence[Path]) -> xr.Dataset:
    """Read the samples of several files of The Well, one file after the other, as `read_the_well` does.

    What does not vary with the sample in each file varies by file here, and so with the sample.

    Raises
    ------
    InputError
        The files differ in fields, axes or times, or one of them cannot be read.
    """
    parts = [_read(path) for path in paths]
    first = parts[0]
    for path, part in zip(paths, parts, strict=True):
        if not part.fits(first):
            wanted = f"the fields, axes and times of the first file in {str(path)!r}"
            raise expected(wanted, f"{sorted(part.arrays)} on {part.sizes}", "Open the files one by one.")
    arrays = {name: _joined(parts, name) for name in first.arrays}
    scalars = {name: _joined_scalar(parts, name) for name in first.scalars}
    source = ", ".join(path.name for path in paths)
    return check(lazy_dataset(arrays, first.attributes, scalars, first.coordinates, source), values=False)


@dataclass(frozen=True)
class _Part:
    """What is in one file."""

    samples: int
    coordinates: dict[str, xr.Variable]
    arrays: dict[str, StoredArray]
    attributes: dict[str, dict[str, Any]]
    scalars: dict[str, xr.Variable]

    @property
    def sizes(self) -> dict[str, int]:
        """Lengths of the axes, and how many samples there are."""
        return {"sample": self.samples, **{name: axis.size for name, axis in self.coordinates.items()}}

    def fits(self, other: _Part) -> bool:
        """Return whether the samples of both can be of one dataset."""
        names = [(part.arrays.keys(), part.scalars.keys()) for part in (self, other)]
        axes = [xr.Dataset(coords=part.coordinates) for part in (self, other)]
        return names[0] == names[1] and axes[0].identical(axes[1])


def _read(path: Path) -> _Part:
    with opened(path) as file:
        refuse_references(file)
        coordinates = {"time": _times(file), **space_coordinates(file)}
        space = [name for name in coordinates if name != "time"]
        sizes = {name: axis.size for name, axis in coordinates.items()} | {"sample": int(file.attrs["n_trajectories"])}
        arrays: dict[str, StoredArray] = {}
        attributes: dict[str, dict[str, Any]] = {}
        for order in range(3):
            group = file[f"t{order}_fields"]
            for name, component in product(words(group.attrs, "field_names"), product(range(len(space)), repeat=order)):
                label = "_".join(filter(None, (name, "".join(space[number] for number in component))))
                if label in arrays:
                    raise expected(f"different names of fields in {str(path)!r}", f"{label!r} twice", "Rename one.")
                arrays[label] = _field(group, name, component, space, sizes)
                attributes[label] = _named(group[name], label)
        scalars = {name: _scalar(file["scalars"], name, sizes) for name in words(file["scalars"].attrs, "field_names")}
    return _Part(sizes["sample"], coordinates, arrays, attributes, scalars)


def _times(file: h5py.File) -> xr.Variable:
    """Return the times, which all samples have to share."""
    values = common_row_in(file, "dimensions/time")
    return xr.Variable(("time",), values, {"units": "1", "long_name": "time"} | _text(file["dimensions/time"]))


def _field(
    group: h5py.Group, name: str, component: Sequence[int], space: Sequence[str], sizes: Mapping[str, int]
) -> StoredArray:
    """Return one component; an axis along which nothing varies is missing, of length 1, or says so itself."""
    dataset = dataset_in(group, name)
    varies = np.atleast_1d(dataset.attrs.get("dim_varying", [True] * len(space)))
    repeated = words(dataset.attrs, "repeated_along")
    over: list[str | int] = [dim if v and dim not in repeated else 0 for dim, v in zip(space, varies, strict=True)]
    flat = [component[0] * len(space) + component[1]] if len(component) == 2 else list(component)
    candidates = [
        [*_varying(dataset), *axes, *ends]
        for axes in (over, [dim for dim in over if dim != 0])
        for ends in (component, flat)
    ]
    axes = next((axes for axes in candidates if len(axes) == dataset.ndim), candidates[0])
    array = StoredArray(dataset, axes)
    _check_shape(dataset, array.shape, tuple(sizes[dim] for dim in array.dims))
    return array


def _scalar(group: h5py.Group, name: str, sizes: Mapping[str, int]) -> xr.Variable:
    dataset = dataset_in(group, name)
    dims = _varying(dataset)
    shape = tuple(sizes[dim] for dim in dims)
    _check_shape(dataset, dataset.shape, shape, *([(1,)] if not dims else []))
    return xr.Variable(dims, dataset[()].reshape(shape).astype(np.float64), _named(dataset, name))


def _varying(dataset: h5py.Dataset) -> list[str]:
    return [dim for dim in ("sample", "time") if dataset.attrs.get(f"{dim}_varying", False)]


def _check_shape(dataset: h5py.Dataset, shape: tuple[int, ...], *wanted: tuple[int, ...]) -> None:
    if shape not in wanted:
        where = f"{dataset.name.lstrip('/')!r} of {dataset.file.filename!r}"
        raise expected(f"the shape {wanted[0]} that the attributes of {where} say", shape, "Correct the file.")


def _named(dataset: h5py.Dataset, label: str) -> dict[str, Any]:
    return {"units": "1", "long_name": label.replace("_", " ")} | _text(dataset)


def _text(dataset: h5py.Dataset) -> dict[str, Any]:
    """Return the attributes that our writer adds."""
    return {name: dataset.attrs[name] for name in ("units", "long_name") if name in dataset.attrs}


def _joined(parts: Sequence[_Part], name: str) -> LazyArray:
    arrays = [part.arrays[name] for part in parts]
    if len(parts) == 1:
        return arrays[0]
    if "sample" in arrays[0].dims:
        return JoinedArray(arrays, "sample")
    return JoinedArray(
        [array for part, array in zip(parts, arrays, strict=True) for _ in range(part.samples)], "sample"
    )


def _joined_scalar(parts: Sequence[_Part], name: str) -> xr.Variable:
    scalars = [part.scalars[name] for part in parts]
    if len(parts) == 1:
        return scalars[0]
    values = [
        scalar.values if "sample" in scalar.dims else np.broadcast_to(scalar.values, (part.samples, *scalar.shape))
        for part, scalar in zip(parts, scalars, strict=True)
    ]
    dims = ("sample", *(dim for dim in scalars[0].dims if dim != "sample"))
    return xr.Variable(dims, np.concatenate(values), scalars[0].attrs)
