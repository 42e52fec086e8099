"""Arrays of a file that has several: which are fields, which their coordinates, by their names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.readers.arrays import Arrays, DimsChoice, arrays_to_fields
from surrogate.datasets.readers.axes import GridChoice

PAIRS = (("a", "u"), ("input", "output"), ("coeff", "sol"))
SINGLE = ("u", "uu", "usol")
#: Vectors that hold coordinates, with the dimension that they belong to.
COORDINATES = {"x": "x", "y": "y", "z": "z", "t": "time", "tt": "time", "time": "time"}
KNOWN = {name for pair in PAIRS for name in pair} | set(SINGLE) | COORDINATES.keys()


def fields_among(arrays: Arrays, names: Mapping[str, str], path: Path) -> list[str]:
    """Return which arrays of a file are fields: a pair, one beside its coordinates, and those with new names.

    Raises
    ------
    InputError
        None are.
    """
    pair = next((pair for pair in PAIRS if all(name in arrays for name in pair)), ())
    alone = [name for name in SINGLE if name in arrays and not pair and "x" in arrays][:1]
    wanted = dict.fromkeys((*pair, *alone, *names))
    chosen = [name for name in wanted if name in arrays and name not in COORDINATES]
    if not chosen:
        pairs = " or ".join("/".join(pair) for pair in PAIRS)
        do = "Rename them in the file, or say which with `names`."
        raise expected(f"the variables {pairs}, or {'/'.join(SINGLE)} beside x, in {str(path)!r}", sorted(arrays), do)
    return chosen


def named_to_fields(
    arrays: Arrays,
    chosen: Collection[str],
    path: Path,
    *,
    names: Mapping[str, str],
    grid: GridChoice | None,
    times: Sequence[float] | None,
    dims: DimsChoice | None,
) -> xr.Dataset:
    """Return the chosen arrays of a file as fields on their coordinates in it; see `arrays_to_fields`.

    Single numbers among those with new names become parameters.

    Raises
    ------
    InputError
        Arrays of something else than real numbers, and what `arrays_to_fields` raises.
    """
    for name in chosen:
        if arrays[name].dtype.kind not in "fiub":
            raise expected(f"real numbers in {name!r} of {str(path)!r}", arrays[name].dtype, "Store numbers.")
    numbers = {name: arrays[name] for name in chosen if arrays[name].size == 1 and name in names}
    return arrays_to_fields(
        {name: arrays[name] for name in chosen if name not in numbers},
        vectors=_vectors_among(arrays),
        numbers=numbers,
        names=names,
        grid=grid,
        times=times,
        dims=dims,
        source=path.name,
    )


def _vectors_among(arrays: Arrays) -> dict[str, np.ndarray]:
    """Return the coordinates among the arrays of a file; one number is none."""
    found = {dim: arrays[name] for name, dim in COORDINATES.items() if name in arrays}
    return {d: v.ravel() for d, v in found.items() if v.dtype.kind in "fiu" and 1 < v.size == max(v.shape)}
