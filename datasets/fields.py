"""The field convention: an `xarray.Dataset` with fixed dimension names, units on everything, on a grid or meshes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from surrogate.datasets.domain import check_mesh
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.datasets.samples.ragged import counts, is_structure
from surrogate.datasets.storage.finite import check_finite, is_small

DIMENSIONS = ("sample", "time", *AXES, "node", "cell")
CONVENTIONS = "CF-1.11 UGRID-1.0"

Fields = xr.Dataset | xr.DataTree | xr.DataArray


def as_dataset(fields: Fields) -> xr.Dataset:
    """Return the `Dataset` of ``fields``: itself, one field, or one node of the tree that `prepare` returns.

    Raises
    ------
    InputError
        The tree has parts (``train``, ``validation``, ``test``) and none was chosen, or it is something else.
    """
    if isinstance(fields, xr.Dataset):
        return fields
    if isinstance(fields, xr.DataArray) and fields.name is not None:
        return fields.to_dataset()
    if not isinstance(fields, xr.DataTree):
        raise expected("an xarray.Dataset or a node of the tree from `prepare`", type(fields).__name__, "Convert it.")
    if fields.children:
        raise expected("one part of the data", f"all of {list(fields.children)}", 'Choose one, such as data["test"].')
    return fields.to_dataset()


def check(fields: Fields, *, values: bool | None = True) -> xr.Dataset:
    """Raise unless ``fields`` follow the convention; return them as a `Dataset`.

    Parameters
    ----------
    fields
        What to check.
    values
        Also look for values that are not finite: reads all data, a block of a few MiB at a time. None looks at what is
        in memory, and at what is in files if that takes 64 MiB at most.

    Raises
    ------
    InputError
        Unknown or misordered dimensions, missing coordinates or units, a data type that is not floating point, an axis
        that does not increase or is not what its attributes say, counts of nodes or cells that do not add up, a mesh
        that is wrong, values that are not finite, or packed in a file in pieces too large to look at. The message names
        the variable and the cure.
    """
    dataset = as_dataset(fields)
    if not dataset.data_vars:
        raise expected("at least one field", "a dataset without variables", "Add variables.")
    joined = tuple(dim for dim in counts(dataset) if dim not in DIMENSIONS)
    for name, variable in dataset.data_vars.items():
        _check_dimensions(name, variable, (*DIMENSIONS, *joined))
        _check_type(name, variable)
    named = [name for name in dataset.variables if name != "sample" and not is_structure(dataset[name].variable)]
    _check_units(dataset, named)
    for name in named:
        if name in dataset.dims and dataset[name].dtype.kind not in "fiu":
            raise expected(f"numbers in {name!r}", dataset[name].dtype, "Convert it with assign_coords.")
    if "time" in dataset.dims:
        _check_time(dataset)
    if any(axis in dataset.dims for axis in AXES):
        Grid.from_fields(dataset)
    lazy = is_small(dataset) if values is None else values
    check_mesh(dataset, values=lazy)
    if values is not False:
        check_finite(dataset, lazy=lazy)
    return dataset


def require(fields: xr.Dataset, names: Sequence[str]) -> None:
    """Raise `InputError` unless all of ``names`` are variables of ``fields``."""
    for name in names:
        if name not in fields.data_vars:
            raise expected(
                f"a field {name!r}", f"only {list(fields.data_vars)}", "Rename the variable or choose others."
            )


def _check_dimensions(name: Hashable, variable: xr.DataArray, dimensions: tuple[str, ...]) -> None:
    unknown = [dim for dim in variable.dims if dim not in dimensions]
    if unknown:
        known = ", ".join(dimensions)
        raise expected(f"dimensions of {name!r} out of {known}", repr(unknown[0]), "Rename it with fields.rename.")
    order = tuple(dim for dim in dimensions if dim in variable.dims)
    if variable.dims != order:
        raise expected(f"dimensions of {name!r} in the order {order}", variable.dims, "Use fields.transpose.")


def _check_type(name: Hashable, variable: xr.DataArray) -> None:
    labels = variable.dims in ((), ("sample",)) and variable.dtype.kind in "iub"
    if variable.dtype not in (np.float32, np.float64) and not labels:
        do = f"Convert it: fields[{name!r}].astype('float32')."
        raise expected(f"float32 or float64 in {name!r}", variable.dtype, do)


def _check_units(fields: xr.Dataset, names: Sequence[Hashable]) -> None:
    bare = [name for name in names if "units" not in fields[name].attrs]
    if bare:
        others = " and so on" if len(bare) > 1 else ""
        do = f"Set fields[{bare[0]!r}].attrs['units']{others} ('1' if dimensionless)."
        raise expected(f"units on {', '.join(map(repr, bare))}", "none", do)


def _check_time(fields: xr.Dataset) -> None:
    if "time" not in fields.coords:
        raise expected("a coordinate for dimension 'time'", "none", "Add it with assign_coords.")
    if not np.all(np.diff(fields["time"].values) > 0):
        raise expected("an increasing time axis", "one that is not", "Sort with fields.sortby('time').")


def uniform_step(fields: xr.Dataset) -> float:
    """Return the constant spacing of the time axis.

    Raises
    ------
    InputError
        Fewer than two times, or spacing that varies by more than one part in a thousand.
    """
    time = fields["time"].values.astype(np.float64)
    if time.size < 2:
        raise expected("at least two times", time.size, "A stepper needs a frame to start from and one to reach.")
    steps = np.diff(time)
    if not np.allclose(steps, steps.mean(), rtol=1e-3, atol=0):
        got = f"steps between {steps.min():.6g} and {steps.max():.6g}"
        raise expected("a uniform time axis", got, "Interpolate the data to equal steps (fields.interp).")
    return float(steps.mean())
