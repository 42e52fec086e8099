"""Arrays in files that are converted to another type when they are read."""

from __future__ import annotations

import numpy as np
import xarray as xr

from surrogate.datasets.readers.lazy import Key, LazyArray


class ConvertedArray(LazyArray):
    """A variable that lies in a file, in another type.

    Parameters
    ----------
    variable
        Over dimensions of any name.
    dtype
        The type of what is read.
    """

    def __init__(self, variable: xr.Variable, dtype: type[np.floating]) -> None:
        self.dims, self.shape = tuple(map(str, variable.dims)), variable.shape
        self.chunks = tuple(variable.encoding.get("chunksizes") or ())
        self.dtype = np.dtype(dtype)
        self._variable = variable

    def read(self, key: Key) -> np.ndarray:
        """Read what ``key`` selects, one entry for each dimension."""
        values: np.ndarray = self._variable[key].values.astype(self.dtype)
        return values
