"""Which nodes make up cells, facets and edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.cells import KINDS, CellKind


class UniqueRows(NamedTuple):
    """The different rows, sorted; how often each occurs, where first, and which each given row is."""

    rows: np.ndarray
    counts: np.ndarray
    first: np.ndarray
    inverse: np.ndarray


def unique_rows(rows: np.ndarray) -> UniqueRows:
    """Return the different rows of integers; much faster than `numpy.unique` along an axis."""
    order = np.lexsort(rows.T[::-1])
    ranked = rows[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    inverse = np.empty(len(rows), dtype=np.int64)
    inverse[order] = np.cumsum(new) - 1
    return UniqueRows(ranked[starts], np.diff(starts, append=len(rows)), order[starts], inverse)


def stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return rows of different lengths as one array, filled up with -1."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(p, ((0, 0), (0, width - p.shape[1])), constant_values=-1) for p in parts])


def padded(cells: Mapping[Any, Any]) -> tuple[np.ndarray, int]:
    """Return cells by kind as one array ``(M, k)`` filled up with -1, and their dimension.

    Raises
    ------
    InputError
        Unknown kinds or shapes, kinds of different dimension, numbers that are not whole, no cells.
    """
    blocks = {kind: _block(kind, nodes) for kind, nodes in cells.items()}
    blocks = {kind: nodes for kind, nodes in blocks.items() if len(nodes)}
    if not blocks:
        raise expected("a mesh with cells", "none", "Give the nodes of at least one cell.")
    dims = {KINDS[kind].dim if kind in KINDS else int(kind) for kind in blocks}
    if len(dims) > 1:
        raise expected("cells of one dimension", list(blocks), "Give those of lower dimension as tags.")
    return stacked(list(blocks.values())), dims.pop()


def _block(kind: Any, nodes: Any) -> np.ndarray:
    array = np.asarray(nodes)
    if not array.size:
        return np.empty((0, 1), dtype=np.int64)
    if kind in KINDS:
        width = KINDS[kind].nodes
        if array.ndim != 2 or array.shape[1] != width:
            raise expected(f"{width} nodes for each {kind}", f"shape {array.shape}", f"Give an array (cells, {width}).")
    elif kind not in (1, 2, 3):
        do = "Rename the kind, or cut the cells; an array of cells needs cell_dim=1, 2 or 3."
        raise expected(f"cells of kind {', '.join(KINDS)}", repr(kind), do)
    elif array.ndim != 2:
        raise expected("an array of cells (cells, nodes)", f"shape {array.shape}", "Fill up with -1.")
    if array.dtype.kind not in "iu":
        raise expected(f"whole node numbers in the cells ({kind})", array.dtype, "Convert them with astype(int).")
    return np.array(array, dtype=np.int64)


def all_facets(blocks: Sequence[tuple[CellKind, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return every facet of every cell ``(F, k)``, inner ones twice, filled up with -1."""
    return stacked([nodes[:, np.array(kind.facets)].reshape(-1, len(kind.facets[0])) for kind, _, nodes in blocks])


def facets_of_one_cell(facets: np.ndarray) -> np.ndarray:
    """Return those of `all_facets` that belong to one cell only, in the order of the cell's own nodes."""
    unique = unique_rows(np.sort(facets, axis=1))
    single: np.ndarray = facets[np.sort(unique.first[unique.counts == 1])]
    return single


def contains_rows(rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return for each wanted row whether it is one of ``rows``, whatever the order within a row."""
    inverse = unique_rows(np.sort(stacked([rows, wanted]), axis=1)).inverse
    return np.isin(inverse[len(rows) :], inverse[: len(rows)])
