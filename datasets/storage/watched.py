"""Fields that are looked at when they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core.indexing import ExplicitIndexer, IndexingSupport, LazilyIndexedArray, explicit_indexing_adapter

from surrogate.datasets.fields import Fields, check
from surrogate.datasets.storage.finite import all_finite, not_finite
from surrogate.datasets.storage.stored import BoxReader, is_lazy
from surrogate.datasets.storage.stored_piece import Key


def checked_when_read(fields: Fields) -> xr.Dataset:
    """Check fields for somebody who reads all of them: what is too large to be looked at now is when it is read.

    Raises
    ------
    InputError
        The fields break the convention; later, where values are not finite.
    """
    return watched(check(fields, values=None))


def watched(fields: xr.Dataset, advance: Callable[[int], None] | None = None) -> xr.Dataset:
    """Return fields that raise `InputError` when values are read from their file that are not finite.

    ``advance`` is called with the number of bytes whenever some have been read, also of fields in memory.
    """
    chosen = {
        name: variable.variable
        for name, variable in fields.data_vars.items()
        if variable.dims and (advance is not None or is_lazy(variable))
    }
    arrays = {name: _Watched(str(name), variable, advance) for name, variable in chosen.items()}
    return fields.assign(
        {
            name: xr.Variable(variable.dims, LazilyIndexedArray(arrays[name]), variable.attrs, variable.encoding)
            for name, variable in chosen.items()
        }
    )


class _Watched(BackendArray):
    """An array over another one."""

    def __init__(self, name: str, variable: xr.Variable, advance: Callable[[int], None] | None) -> None:
        self._name, self._variable, self._advance = name, variable, advance
        self._reader = BoxReader(variable)
        self.shape, self.dtype = variable.shape, variable.dtype

    def __getitem__(self, key: ExplicitIndexer) -> np.ndarray:
        """Return values (called by xarray)."""
        values: np.ndarray = explicit_indexing_adapter(key, self.shape, IndexingSupport.OUTER, self._read)
        return values

    def read_into(self, key: Key, out: np.ndarray) -> None:
        """Fill ``out`` (see `surrogate.datasets.storage.stored.ReadsInto`)."""
        self._look(key, self._reader.read(key, out))

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        values: np.ndarray = self._variable[key].values
        self._look(key, values)
        return values

    def _look(self, key: tuple[Any, ...], values: np.ndarray) -> None:
        if not all_finite(values):
            raise not_finite(self._name, self._variable, tuple(map(_hull, key, self.shape)))
        if self._advance is not None:
            self._advance(values.nbytes)


def _hull(part: Any, size: int) -> slice:
    """Return a stretch that holds a part of an axis."""
    numbers = np.atleast_1d(np.arange(size)[part])
    return slice(int(numbers.min()), int(numbers.max()) + 1)
