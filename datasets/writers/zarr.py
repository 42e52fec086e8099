"""Zarr stores: a folder with a file for each block of values."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import dask
import xarray as xr

from surrogate.datasets.fields import CONVENTIONS, Fields
from surrogate.datasets.storage.watched import checked_when_read
from surrogate.datasets.storage.whole_files import refuse_existing
from surrogate.datasets.writers.folders import whole_folder

#: Bytes in a block: small enough to read one sample of many, large enough that files are few.
BLOCK = "16MiB"


def write_zarr(fields: Fields, path: str | Path, *, overwrite: bool = False) -> None:
    """Write fields to a Zarr store (format 3), in blocks of samples and times; ``xarray.open_zarr`` reads it.

    No more than a few blocks are in memory at a time.

    Raises
    ------
    InputError
        The fields break the convention, or the path exists.
    OSError
        The store cannot be written. Nothing is left behind.
    """
    refuse_existing(path, overwrite)
    dataset = checked_when_read(fields).assign_attrs(Conventions=CONVENTIONS).drop_encoding()
    with whole_folder(path, overwrite=overwrite, size=dataset.nbytes) as part, _threads():
        _in_blocks(dataset).to_zarr(part, mode="w", zarr_format=3, consolidated=False)


@contextmanager
def _threads() -> Iterator[None]:
    """Let Dask use threads that have all ended afterwards, so that none still writes into a folder that is removed."""
    with ThreadPoolExecutor(os.cpu_count()) as pool, dask.config.set(scheduler="threads", pool=pool):
        yield


def _in_blocks(dataset: xr.Dataset) -> xr.Dataset:
    dims = {dim: "auto" if dim in ("sample", "time") else -1 for dim in dataset.dims}
    with dask.config.set({"array.chunk-size": BLOCK}):
        return dataset.assign({name: v.chunk({d: dims[d] for d in v.dims}) for name, v in dataset.data_vars.items()})
