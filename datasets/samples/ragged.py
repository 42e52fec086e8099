"""Samples of different length in one array: CF contiguous ragged arrays."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.storage.finite import SMALL, piece
from surrogate.datasets.storage.stored import is_lazy

#: Attributes of variables that have no units.
STRUCTURE = {"cf_role", "sample_dimension", "start_index", "flag_meanings"}


def counts(fields: xr.Dataset) -> dict[str, np.ndarray]:
    """Return for each dimension that joins samples (``node``, ``cell``, ...) how many entries each sample has.

    Raises
    ------
    InputError
        Counts that are not whole, not positive, not over ``sample``, do not add up to the dimension, or are too many to
        be true.
    """
    found = {}
    for name, variable in count_variables(fields).items():
        dim = variable.attrs["sample_dimension"]
        if is_lazy(variable) and max(variable.nbytes, piece(variable)) > SMALL:
            got = f"{variable.nbytes / 2**20:.0f} MiB, stored in pieces of {piece(variable) / 2**20:.0f} MiB"
            raise expected(f"at most {SMALL / 2**20:.0f} MiB of counts in {name!r}", got, "Correct the file.")
        count = variable.values
        if variable.dims != ("sample",) or count.dtype.kind not in "iu":
            got = f"{variable.dims} of {variable.dtype}"
            raise expected(f"whole numbers over 'sample' in {name!r}", got, "Correct the counts.")
        if dim not in fields.dims:
            raise expected(f"a dimension {dim!r}, which {name!r} counts", tuple(fields.dims), "Correct its attribute.")
        if (count < 0).any() or (dim in ("node", "cell") and (count == 0).any()):
            sample = int(np.argmin(count))
            raise expected(f"positive counts in {name!r}", f"{count[sample]} in sample {sample}", "Leave it out.")
        if count.sum() != fields.sizes[dim]:
            do = "Correct the counts, or select samples with `select_samples`."
            raise expected(f"{name!r} that adds up to {fields.sizes[dim]}", int(count.sum()), do)
        found[str(dim)] = count.astype(np.int64)
    return found


def count_variables(fields: xr.Dataset) -> dict[str, xr.Variable]:
    """Return the variables that `counts` reads."""
    return {str(name): v for name, v in fields.variables.items() if "sample_dimension" in v.attrs}


def is_structure(variable: xr.Variable) -> bool:
    """Return whether a variable says how values are arranged: counts, node numbers, flags, the mesh topology."""
    return not STRUCTURE.isdisjoint(variable.attrs)


def pointer(count: np.ndarray) -> np.ndarray:
    """Return where each sample starts, and the end: PyG's ``ptr``."""
    return np.concatenate([[0], np.cumsum(count)])


def select_samples(fields: xr.Dataset, samples: Sequence[int] | np.ndarray | slice) -> xr.Dataset:
    """Return some samples of fields, also where they are joined along ``node``, ``cell`` and other dimensions.

    Node numbers (variables with the attribute ``start_index``) are counted anew.
    """
    chosen = np.arange(fields.sizes["sample"])[samples if isinstance(samples, slice) else list(samples)]
    lengths = counts(fields)
    rows = {dim: _rows(count, chosen) for dim, count in lengths.items()}
    result = fields.isel({"sample": chosen} | rows)
    if "node" not in lengths:
        return result
    shift = pointer(lengths["node"][chosen])[:-1] - pointer(lengths["node"])[chosen]
    for name, variable in result.variables.items():
        if _counts_nodes(variable, lengths):
            fresh = _shifted(variable, np.repeat(shift, lengths[str(variable.dims[0])][chosen]))
            result = result.assign_coords({name: fresh}) if name in fields.coords else result.assign({name: fresh})
    return result


def join_samples(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return the samples of fields of one layout, one after the other: `select_samples` takes them apart again.

    What is not over samples is that of the first.
    """
    first, lengths = parts[0], counts(parts[0])
    starts = pointer(np.array([part.sizes.get("node", 0) for part in parts]))
    joined: dict[Hashable, xr.Variable] = {}
    for name, variable in first.variables.items():
        dim = next((dim for dim in variable.dims if dim == "sample" or dim in lengths), None)
        if dim is None:
            joined[name] = variable
            continue
        pieces = [part.variables[name] for part in parts]
        if _counts_nodes(variable, lengths):
            pieces = [_shifted(piece, np.full(len(piece), start)) for piece, start in zip(pieces, starts, strict=False)]
        values = np.concatenate([piece.values for piece in pieces], axis=variable.dims.index(dim))
        joined[name] = xr.Variable(variable.dims, values, variable.attrs, variable.encoding)
    coords = {name: joined.pop(name) for name in first.coords}
    return xr.Dataset(joined, coords, first.attrs)


def _counts_nodes(variable: xr.Variable, lengths: Mapping[str, np.ndarray]) -> bool:
    """Return whether a variable holds numbers of nodes, sample by sample."""
    return "start_index" in variable.attrs and bool(variable.dims) and variable.dims[0] in lengths


def _shifted(variable: xr.Variable, by_row: np.ndarray) -> xr.Variable:
    """Return numbers of nodes that are larger by so much; what stands for none stays."""
    numbers = variable.values
    moved = numbers + by_row.reshape(-1, *(1,) * (numbers.ndim - 1)).astype(numbers.dtype)
    empty = np.isnan(numbers) if numbers.dtype.kind == "f" else numbers == variable.attrs.get("_FillValue", -1)
    return variable.copy(data=np.where(empty, numbers, moved))


def _rows(count: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the places of the entries of the chosen samples, in their order."""
    start, length = pointer(count)[chosen], count[chosen]
    before = np.repeat(start - pointer(length)[:-1], length)
    return before + np.arange(length.sum())
