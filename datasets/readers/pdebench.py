"""PDEBench, arXiv:2210.07182: all layouts of its HDF5 files."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.readers import pdebench_defects as defects
from surrogate.datasets.readers.hdf5 import looks_like, opened
from surrogate.datasets.readers.hdf5_claims import refuse_references
from surrogate.datasets.readers.pdebench_layouts import layout_of


def is_pdebench(path: Path) -> bool:
    """Return whether a file has one of the layouts of PDEBench."""
    return looks_like(path, lambda file: layout_of(file) is not None)


def read_pdebench(path: Path, *, correct: bool = False) -> xr.Dataset:
    """Read a file of PDEBench, lazily.

    Fields are ``u`` of advection, Burgers and reaction-diffusion, ``permeability`` and ``pressure`` of Darcy flow,
    ``concentration`` of diffusion-sorption, ``activator`` and ``inhibitor`` of diffusion-reaction, ``water_height`` of
    shallow water, ``density``, ``pressure``, ``velocity_x``, ... of compressible flow in one to three dimensions, and
    ``particles``, ``velocity_x``, ``velocity_y`` and the static ``force_x``, ``force_y`` of incompressible flow.
    Parameters come from attributes or from the name of the file. Points are centers of cells; files of incompressible
    flow have no coordinates and get those of the unit square, which their attribute ``comment`` says.

    Where a file has a defect that is known of these data, a `KnownDefect` says so; those of advection and Burgers are
    looked for in the numbers, since files of before and after their repair have the same name.

    Parameters
    ----------
    path
        The file.
    correct
        Correct coordinates of advection and Burgers that do not fit their equation: the times of the former are
        doubled, x of the latter is halved. Values are never changed.

    Raises
    ------
    InputError
        No such layout, truncated, with arrays that do not fit their coordinates, or that are not numbers.
    """
    with opened(path) as file:
        refuse_references(file)
        layout = layout_of(file)
        if layout is None:
            do = "Leave `format` out, or choose another."
            raise expected(f"a layout of PDEBench in {str(path)!r}", f"the entries {sorted(file)[:8]}", do)
        fields = layout(file)
    mended = _mended(check(fields, values=False), path.name, correct)
    if mended is not fields:
        mended.set_close(fields.close)
    return mended


def _mended(fields: xr.Dataset, name: str, correct: bool) -> xr.Dataset:
    """Look for the known defects."""
    if fields.sizes.get("time", 1) == 1:
        return fields
    if "u" in fields and fields.get("velocity_x", 0.0) != 0:
        fields = defects.double_speed(fields, name, correct)
    if "u" in fields and "viscosity" in fields:
        fields = defects.wide_interval(fields, name, correct)
    if "y" not in fields.dims and "periodic" in fields["x"].attrs["boundary"]:
        defects.short_period(fields, name)
    if "density" in fields and "y" in fields.dims:
        defects.continuity(name)
    return fields
