"""Values that are not finite: found a block at a time, and named."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.storage.blocks import BLOCK, Box, read_blocks
from surrogate.datasets.storage.stored import is_lazy
from surrogate.datasets.storage.stored_piece import contiguous_parts

#: Bytes of all that is not in memory up to which the values are looked at when fields are opened.
SMALL = 2**26
#: Bytes of one compressed piece of a file above which it is not unpacked to be checked.
LARGEST_PIECE = 2**27


def check_finite(fields: xr.Dataset, *, lazy: bool) -> None:
    """Raise `InputError` for values that are not finite: of variables in memory, with ``lazy`` of those in files, too.

    Not more than a few blocks are in memory at any time.
    """
    for name, variable in fields.data_vars.items():
        if not is_lazy(variable):
            _check(str(name), variable.variable)
        elif lazy:
            if piece(variable.variable) > LARGEST_PIECE:
                got = f"{piece(variable.variable) / 2**20:.0f} MiB"
                do = "Store them in smaller chunks (h5repack -l)."
                raise expected(f"chunks of at most {LARGEST_PIECE / 2**20:.0f} MiB in {name!r} to check", got, do)
            _check(str(name), variable.variable)


def all_finite(values: np.ndarray) -> bool:
    """Return whether all values are finite; in a tenth of the time that reading them takes.

    The sum of their squares is finite only if they are. If it is not, they may only be large.
    """
    parts = contiguous_parts(values)
    if parts is not None and all(math.isfinite(np.vdot(part, part)) for part in parts):
        return True
    return bool(np.isfinite(values).all())


def is_small(fields: xr.Dataset) -> bool:
    """Return whether all that is not in memory may be read just to look at it."""
    lazy = [variable for variable in fields.variables.values() if is_lazy(variable)]
    return sum(max(variable.nbytes, piece(variable)) for variable in lazy) <= SMALL


def piece(variable: xr.Variable) -> int:
    """Return the bytes that have to be unpacked to read one value; a file may claim more than a variable has."""
    chunks: tuple[int, ...] = variable.encoding.get("chunksizes") or (1,)
    return int(math.prod(chunks) * variable.dtype.itemsize)


def not_finite(name: str, variable: xr.Variable, box: Box) -> InputError:
    """Return what is to be raised for the values in a box that are not finite."""
    if "sample" not in variable.dims:
        return _error(name, variable, 0)
    axis = variable.dims.index("sample")
    values = variable[box].values
    samples = np.argwhere(~np.isfinite(values))[:, axis]
    sample = box[axis].start + int(samples.min())
    return _error(name, variable.isel(sample=sample), sample)


def not_held(name: str, variable: xr.Variable, box: Box, dtype: object) -> InputError:
    """Return what is to be raised for values in a box that are not finite once they are of another type."""
    if not all_finite(variable[box].values):
        return not_finite(name, variable, box)
    return expected(f"values of {name!r} that {dtype} can hold", "larger ones", "Use other units, or double precision.")


def _check(name: str, variable: xr.Variable) -> None:
    for box, values in read_blocks(variable, size=BLOCK):
        if not all_finite(values):
            raise not_finite(name, variable, box)


def _error(name: str, variable: xr.Variable, sample: int) -> InputError:
    """Count in one sample."""
    count, where = 0, None
    for box, values in read_blocks(variable, in_order=True):
        bad = np.argwhere(~np.isfinite(values))
        count += len(bad)
        if where is None and len(bad):
            first = (part.start + int(i) for part, i in zip(box, bad[0], strict=True))
            where = dict(zip(variable.dims, first, strict=True))
    got = f"{count} that are not in sample {sample}, the first at {where}"
    return expected(f"finite values in {name!r}", got, "Remove the sample or repair the data.")
