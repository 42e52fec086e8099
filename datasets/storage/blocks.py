"""Arrays larger than memory, a block of bounded size at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import psutil
import xarray as xr

from surrogate.datasets.storage.stored import BoxReader

#: Bytes read at once: small beside memory, large beside the cost of a call.
BLOCK = 2**23

#: Of the memory that is free, the share that is filled at most with what could also be read in blocks.
SHARE = 0.5

Box = tuple[slice, ...]


def boxes(shape: Sequence[int], itemsize: int, *, size: int = BLOCK, chunks: Sequence[int] = ()) -> Iterator[Box]:
    """Tile an array of such a shape by boxes of at most ``size`` bytes, in the order of its rows.

    Each is contiguous in an array in C order. With ``chunks``, the shape of the pieces that a file stores, boxes are
    whole pieces, so that none is read twice; one piece is then the least.
    """
    step = list(chunks) if len(chunks) == len(shape) else [1] * len(shape)
    for axis in reversed(range(len(shape))):
        room = size // max(1, itemsize * math.prod(step))
        step[axis] = min(max(1, shape[axis]), step[axis] * max(1, room))
        if step[axis] < shape[axis]:
            break
    ranges = (range(0, length, width) for length, width in zip(shape, step, strict=True))
    for corner in itertools.product(*ranges):
        yield tuple(slice(first, min(first + width, n)) for first, width, n in zip(corner, step, shape, strict=True))


def read_blocks(
    variable: xr.Variable, *, size: int = BLOCK, in_order: bool = False
) -> Iterator[tuple[Box, np.ndarray]]:
    """Give the `boxes` of a variable and the values in them, which hold until the next ones are read.

    Nothing is kept: a variable that was not in memory is not afterwards. ``in_order`` ignores how the file stores it,
    so that the values one after another are those of the array in C order.
    """
    reader = BoxReader(variable)
    scratch = np.empty(0, variable.dtype)
    chunks = () if in_order else stored_chunks(variable)
    for box in boxes(variable.shape, variable.dtype.itemsize, size=size, chunks=chunks):
        shape = tuple(part.stop - part.start for part in box)
        if not reader.is_lazy:
            yield box, reader.read(box)
            continue
        if scratch.size < math.prod(shape):
            scratch = np.empty(math.prod(shape), variable.dtype)
        yield box, reader.read(box, scratch[: math.prod(shape)].reshape(shape))


def stored_chunks(variable: xr.Variable) -> tuple[int, ...]:
    """Return the shape of the pieces in which the file of a variable stores it; empty where it is one piece."""
    chunks = tuple(variable.encoding.get("chunksizes") or ())
    if len(chunks) != variable.ndim:
        return ()
    return tuple(min(piece, max(1, length)) for piece, length in zip(chunks, variable.shape, strict=True))


def fits_in_memory(size: int) -> bool:
    """Return whether so many bytes take at most `SHARE` of the memory that is free."""
    return bool(size <= SHARE * psutil.virtual_memory().available)
