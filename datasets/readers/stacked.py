"""Arrays that come in frames: read one by one, when they are asked for."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing


class _Stacked(BackendArray):
    def __init__(self, read: Callable[..., np.ndarray], shape: tuple[int, ...], dtype: Any, frames: int) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._read, self._frames = read, frames

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._get)

    def _get(self, key: tuple[Any, ...]) -> np.ndarray:
        single = tuple(0 if isinstance(part, int | np.integer) else slice(None) for part in key)
        wanted = [np.atleast_1d(np.arange(size)[part]) for part, size in zip(key, self.shape, strict=True)]
        found = np.empty([len(part) for part in wanted], dtype=self.dtype)
        leading, inner = wanted[: self._frames], np.ix_(*wanted[self._frames :])
        for at in itertools.product(*(range(len(part)) for part in leading)):
            numbers = (int(part[i]) for part, i in zip(leading, at, strict=True))
            found[at] = self._read(*numbers)[inner]
        return found[single]


def stacked_frames(
    read: Callable[..., np.ndarray], shape: tuple[int, ...], dtype: Any, *, frames: int
) -> indexing.LazilyIndexedArray:
    """Return an array of this shape whose first axes, as many as ``frames``, number what ``read`` returns.

    ``read`` takes a number for each of these axes and returns the values along all others. It can be pickled, so that
    data loaders can send the array to their workers.
    """
    return indexing.LazilyIndexedArray(_Stacked(read, shape, dtype, frames))
