"""Where a rollout puts its frames: in memory, or in a file that grows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

import h5netcdf
import psutil
import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import CONVENTIONS
from surrogate.datasets.store import check_suffix, whole_file


@runtime_checkable
class FrameSink(Protocol):
    """Takes frames one at a time."""

    def write(self, samples: slice, frame: int, values: Tensor) -> None:
        """Store ``values`` (batch, channel, *space) of these samples as frame number ``frame``."""


class InMemory:
    """Frames ``(sample, time, channel, *space)`` in one tensor on the host."""

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        size = torch.Size(shape).numel() * dtype.itemsize
        free = psutil.virtual_memory().available
        if size > 0.8 * free:
            got = f"{size / 2**30:.1f} GiB with {free / 2**30:.1f} GiB free"
            raise expected(
                "a result that fits in memory", got, "Pass path='result.h5' to stream it to disk, or every=k."
            )
        self.values = torch.empty(shape, dtype=dtype)

    def write(self, samples: slice, frame: int, values: Tensor) -> None:
        """Copy the frame to the host."""
        self.values[samples, frame].copy_(values)


class OnDisk:
    """Frames in the variables of an open netCDF-4 file."""

    def __init__(self, file: h5netcdf.File, names: tuple[str, ...]) -> None:
        self._variables = [file.variables[name] for name in names]

    def write(self, samples: slice, frame: int, values: Tensor) -> None:
        """Append the frame to the file."""
        for variable, channel in zip(self._variables, values.cpu().unbind(1), strict=True):
            variable[samples, frame] = channel.numpy()


@contextmanager
def growing_file(path: str | Path, template: xr.Dataset, *, overwrite: bool) -> Iterator[OnDisk]:
    """Open a file with the coordinates of ``template`` and room for its variables; it appears when all is written.

    ``template`` holds its variables as zero-stride arrays: only their shape, dtype and attributes matter.
    """
    check_suffix(path)
    with whole_file(path, overwrite=overwrite, size=template.nbytes) as part:
        coords = template.drop_vars(list(template.data_vars)).assign_attrs(Conventions=CONVENTIONS)
        coords.assign_coords(sample=template["sample"]).to_netcdf(part, engine="h5netcdf")
        with h5netcdf.File(part, "a") as file:
            for name, variable in template.data_vars.items():
                chunks = (1, 1, *variable.shape[2:])
                created = file.create_variable(str(name), variable.dims, variable.dtype, chunks=chunks)
                created.attrs.update(variable.attrs)
            yield OnDisk(file, tuple(str(name) for name in template.data_vars))
