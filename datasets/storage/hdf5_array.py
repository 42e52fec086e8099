"""A dataset in an HDF5 file, as an array that is read in parts."""

from __future__ import annotations

import os
from typing import Any

import h5py
import numpy as np

from surrogate.datasets.readers.hdf5_headers import elsewhere
from surrogate.datasets.storage.stored_piece import (
    FileState,
    Key,
    Location,
    StoredPiece,
    file_state,
    refuse_other,
    remember,
)


class HDF5Array:
    """A dataset in an HDF5 file; implements `surrogate.datasets.storage.stored.Locates`.

    The file is open while this exists, or until many others have been opened; where the dataset lies in one piece, not
    by HDF5.

    Parameters
    ----------
    path
        The file.
    name
        The dataset.
    state
        The `file_state` of the file that is meant, by default the one that is there now.
    """

    def __init__(self, path: str, name: str, state: FileState | None = None) -> None:
        self._path, self._name, self._state = path, name, state or file_state(path)
        self._piece: StoredPiece | None = None
        self._dataset: h5py.Dataset | None = None
        self._process: int | None = None

    def read_into(self, key: Key, out: np.ndarray) -> None:
        """Fill ``out``."""
        if not out.size:
            return
        location = self.locate(key, out.dtype)
        if location is not None:
            location.read(out)
            return
        whole = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        self._select(key, whole)
        if whole is not out:
            out[...] = whole

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the dataset."""
        return self._located().shape

    def locate(self, key: Key, dtype: np.dtype[Any]) -> Location | None:
        """Return where a part lies in the file; None for one that is scattered, or wanted in another type."""
        return self._located().locate(key, dtype)

    def _located(self) -> StoredPiece:
        if self._piece is None:
            self._piece = StoredPiece.of(self._path, self._state, self._opened())
            if self._piece.offset is not None:
                self._dataset = None  # HDF5 has told all there is to know
        return self._piece

    def close(self) -> None:
        """Close the file; it is opened again when something is read."""
        self._dataset = None

    def _select(self, key: Key, out: np.ndarray) -> None:
        dataset = self._opened()
        space = dataset.id.get_space()
        if key:
            parts = [part if isinstance(part, slice) else slice(part, part + 1, 1) for part in key]
            count = tuple((part.stop - part.start - 1) // part.step + 1 for part in parts)
            space.select_hyperslab(tuple(p.start for p in parts), count, tuple(p.step for p in parts))
        memory = h5py.h5s.create_simple(out.shape) if out.shape else h5py.h5s.create(h5py.h5s.SCALAR)
        dataset.id.read(memory, space, out, h5py.h5t.py_create(out.dtype))

    def _opened(self) -> h5py.Dataset:
        """Return the dataset, opened by this process: a forked one shares no state of HDF5 with its parent."""
        dataset = self._dataset
        if dataset is None or self._process != os.getpid():
            dataset = self._found(h5py.File(self._path, "r"))
            refuse_other(self._path, self._path, self._state)
            self._dataset, self._process = dataset, os.getpid()
            remember(self)
        return dataset

    def _found(self, file: h5py.File) -> h5py.Dataset:
        """Return the dataset, if its numbers are in this file."""
        outside = isinstance(file.get(self._name, getlink=True), h5py.ExternalLink)
        found = None if outside else file[self._name]
        if found is None or found.is_virtual or found.external:
            raise elsewhere(self._name, self._path)
        return found

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_dataset": None}
