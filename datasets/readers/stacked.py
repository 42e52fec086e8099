"""Arrays that come in frames: read one by one, when they are asked for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from surrogate.datasets.readers.lazy import Key, LazyArray


class StackedArray(LazyArray):
    """Frames one behind the other.

    Parameters
    ----------
    read_frame
        Takes a number for each of the first dimensions, as many as ``frames``, and returns the values along all others.
        It can be pickled, so that data loaders can send the array to their workers.
    dims, shape, dtype
        Of the whole.
    frames
        How many dimensions number the frames.
    """

    def __init__(
        self,
        read_frame: Callable[..., np.ndarray],
        dims: Sequence[str],
        shape: Sequence[int],
        dtype: Any,
        *,
        frames: int,
    ) -> None:
        self.dims, self.shape, self.dtype = tuple(dims), tuple(shape), np.dtype(dtype)
        self.chunks = (1,) * frames + self.shape[frames:]
        self._read_frame, self._frames = read_frame, frames

    def read(self, key: Key) -> np.ndarray:
        """Read what ``key`` selects, one entry for each dimension."""
        single = tuple(0 if isinstance(part, int | np.integer) else slice(None) for part in key)
        wanted = [np.atleast_1d(np.arange(size)[part]) for part, size in zip(key, self.shape, strict=True)]
        found = np.empty([len(part) for part in wanted], dtype=self.dtype)
        leading, inner = wanted[: self._frames], np.ix_(*wanted[self._frames :])
        for at in itertools.product(*(range(len(part)) for part in leading)):
            numbers = (int(part[i]) for part, i in zip(leading, at, strict=True))
            found[at] = self._read_frame(*numbers)[inner]
        return found[single]
