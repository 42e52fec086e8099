"""netCDF files, ours and those of others that follow CF."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.fields import DIMENSIONS
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.meshes.ugrid import find_topology
from surrogate.datasets.readers.classic_header import refuse_false_header
from surrogate.datasets.readers.converted import ConvertedArray
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.netcdf import read_netcdf
from surrogate.datasets.samples.ragged import counts, is_structure
from surrogate.datasets.storage.stored import is_lazy

#: What others call our dimensions, in small letters.
_SYNONYMS = {
    "sample": {"samples", "batch", "member", "ensemble", "realization", "run", "simulation", "trajectory", "number"},
    "time": {"t", "times", "frame", "step", "forecast_time"},
    "x": {"x", "lon", "longitude", "xc", "nx", "i", "easting", "xx"},
    "y": {"y", "lat", "latitude", "yc", "ny", "j", "northing", "yy"},
    "z": {"z", "lev", "level", "depth", "height", "altitude", "plev", "zc", "nz", "k"},
    "node": {"nodes", "n_node", "nmesh2d_node", "mesh2d_nnodes", "point", "points", "vertex"},
    "cell": {"cells", "n_face", "nmesh2d_face", "mesh2d_nfaces", "face", "faces", "element"},
}


def read_cf(path: Path, *, names: Mapping[str, str] | None = None) -> xr.Dataset:
    """Open a netCDF file, of version 4 or 3, lazily.

    Axes come in the order of the convention and increase; dimensions of length one that it does not know are left out,
    and so are bounds of cells and map projections. Numbers in a field that are not floating point become so.

    Parameters
    ----------
    path
        The file.
    names
        New names of variables and dimensions, such as ``{"lon": "x", "lat": "y"}``.

    Raises
    ------
    InputError
        The file is damaged, or has dimensions that have to be renamed.
    """
    with path.open("rb") as file:
        classic = file.read(3) == b"CDF"
    return conventional(_read_classic(path) if classic else read_netcdf(path), names, path)


def conventional(fields: xr.Dataset, names: Mapping[str, str] | None, path: Path) -> xr.Dataset:
    """Return what is in a file that follows CF in the form of the field convention, as far as it can be brought there.

    Raises
    ------
    InputError
        Names that do not fit, or dimensions that have to be renamed.
    """
    opened, fields = fields, _without_attachments(renamed(fields, names or {}))
    single = [
        dim for dim, size in fields.sizes.items() if size == 1 and dim not in DIMENSIONS and dim not in counts(fields)
    ]
    fields = fields.squeeze([dim for dim in single if not _is_structural(fields, dim)])
    if find_topology(fields) is None:
        _refuse_dimensions(fields, path)
    fields = _in_order(fields.assign({name: _floating(fields[name].variable) for name in fields.data_vars}))
    fields.set_close(opened.close)  # what xarray makes of a dataset does not close its file
    return fields


def renamed(fields: xr.Dataset, names: Mapping[str, str]) -> xr.Dataset:
    """Return the fields with new names of variables and dimensions.

    Raises
    ------
    InputError
        Names of what is not there, or two of one name.
    """
    known = [*fields.variables, *(dim for dim in fields.dims if dim not in fields.variables)]
    if not names.keys() <= set(known) or len({names.get(str(name), str(name)) for name in known}) < len(known):
        raise expected(f"different new names for some of {known}", dict(names), "Correct `names`.")
    result = fields.rename(names)
    result.set_close(fields.close)
    return result


def _read_classic(path: Path) -> xr.Dataset:
    try:
        refuse_false_header(path)
        return xr.open_dataset(path, engine="scipy", decode_times=False, decode_timedelta=False)
    except InputError:
        raise
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("a readable netCDF-3 file at", path, error) from error


def _without_attachments(fields: xr.Dataset) -> xr.Dataset:
    """Leave out bounds of cells and map projections, which say nothing of the values."""
    bounds = {str(v.attrs["bounds"]) for v in fields.variables.values() if "bounds" in v.attrs}
    maps = {str(name) for name, v in fields.variables.items() if "grid_mapping_name" in v.attrs}
    return fields.drop_vars((bounds | maps) & set(map(str, fields.variables)))


def _is_structural(fields: xr.Dataset, dim: Hashable) -> bool:
    return any(dim in variable.dims and is_structure(variable) for variable in fields.variables.values())


def _refuse_dimensions(fields: xr.Dataset, path: Path) -> None:
    joined = counts(fields)
    used = dict.fromkeys(str(dim) for variable in fields.data_vars.values() for dim in variable.dims)
    unknown = [dim for dim in used if dim not in DIMENSIONS and dim not in joined]
    if not unknown:
        return
    meant = {dim: _meaning(fields, dim) for dim in unknown}
    if all(meant.values()) and len(set(meant.values()) | (used.keys() - meant.keys())) == len(used):
        do = f"Pass names={meant}."
    else:
        do = "Pass `names`, such as names={'lon': 'x'}, or reduce them in xarray and save that."
    raise expected(f"dimensions out of {', '.join(DIMENSIONS)} in {str(path)!r}", ", ".join(unknown), do)


def _meaning(fields: xr.Dataset, dim: str) -> str | None:
    """Return which of our dimensions one of another name is, as its attributes or its name say."""
    attrs = fields[dim].attrs if dim in fields.variables else {}
    by_axis = {"X": "x", "Y": "y", "Z": "z", "T": "time"}.get(str(attrs.get("axis")))
    words = {dim.lower(), str(attrs.get("standard_name")).lower()}
    return by_axis or next((ours for ours, theirs in _SYNONYMS.items() if words & theirs), None)


def _floating(variable: xr.Variable) -> xr.Variable:
    """Return a field of whole or half-precision numbers in single precision, if that holds them, else in double."""
    if variable.dtype in (np.float32, np.float64) or variable.dims in ((), ("sample",)):
        return variable
    if variable.dtype.kind not in "fiub" or is_structure(variable):
        return variable
    dtype = np.float32 if variable.dtype.itemsize <= 2 else np.float64
    return ConvertedArray(variable, dtype).variable(variable.attrs) if is_lazy(variable) else variable.astype(dtype)


def _in_order(fields: xr.Dataset) -> xr.Dataset:
    falling = [axis for axis in AXES if axis in fields.indexes and fields.indexes[axis].is_monotonic_decreasing]
    fields = fields.isel({axis: slice(None, None, -1) for axis in falling if fields.sizes[axis] > 1})
    return fields.assign(
        {
            name: variable.transpose(*(dim for dim in DIMENSIONS if dim in variable.dims), ...)
            for name, variable in fields.data_vars.items()
        }
    )
