"""Where a rollout puts its frames: in memory, or in a file that grows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import psutil
import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.errors import InputError, NumericalFailure, expected
from surrogate.datasets.fields import CONVENTIONS
from surrogate.datasets.storage.hdf5_variables import add_room, write_variables
from surrogate.datasets.storage.locks import hidden, only_writer
from surrogate.datasets.storage.store import check_suffix
from surrogate.datasets.storage.whole_files import flush, named_errors, publish, refuse_existing, require_room
from surrogate.interrupts import waiting_interrupt
from surrogate.journal import Journal, Place


class FrameSink(ABC):
    """Takes some frames at a time.

    Attributes
    ----------
    place
        Where to go on, if some of the frames are there.
    """

    place: Place | None = None

    @abstractmethod
    def write(self, samples: slice, frames: slice, values: Tensor) -> None:
        """Store ``values`` (batch, frame, channel, *space), on the host, of these samples at these frame numbers."""

    @property
    def is_due(self) -> bool:
        """Whether it is time to `keep` what is there."""
        return False

    @abstractmethod
    def keep(self, place: Place) -> None:
        """Make what was written last, and remember where to go on. Called where it `is_due`."""


class InMemory(FrameSink):
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

    def write(self, samples: slice, frames: slice, values: Tensor) -> None:
        """Copy the frames."""
        self.values[samples, frames] = values

    def keep(self, place: Place) -> None:
        """Do nothing: memory that is lost is nowhere to go on from."""


class OnDisk(FrameSink):
    """Frames in some variables of an HDF5 file, and beside it the journal; ``stopped`` tells of Ctrl-C that waits."""

    def __init__(
        self, variables: list[h5py.Dataset], journal: Journal, place: Place | None, stopped: Callable[[], bool]
    ) -> None:
        self._variables, self._journal, self.place, self._stopped = variables, journal, place, stopped
        self._file = variables[0].file

    def write(self, samples: slice, frames: slice, values: Tensor) -> None:
        """Put the frames at their place in the file."""
        for variable, channel in zip(self._variables, values.unbind(2), strict=True):
            variable[samples, frames] = channel.numpy()

    @property
    def is_due(self) -> bool:
        """Whether the last entry in the journal is old, or the next one will be the last."""
        return self._journal.is_due or self._stopped()

    def keep(self, place: Place) -> None:
        """Flush the frames to the disk, then write the journal; and stop where that was asked for."""
        self._file.flush()
        flush(Path(self._file.filename))
        self._journal.write(place)
        if self._stopped():
            raise KeyboardInterrupt("the same call goes on from there")

    def note(self, attributes: Mapping[str, float]) -> None:
        """Set attributes of the file, numbers that are in the template."""
        for name, value in attributes.items():
            self._file.attrs.modify(name, value)


@contextmanager
def growing_file(
    path: str | Path, template: xr.Dataset, request: dict[str, str], *, overwrite: bool
) -> Iterator[OnDisk]:
    """Open a file with the coordinates of ``template`` and room for its variables; it appears when all is written.

    ``template`` holds its variables as zero-stride arrays: only their shape, dtype and attributes matter. If the file
    is not finished, it stays beside ``path`` under another name with its journal, and is opened again for the same
    ``request``, by one process at a time. All its metadata are written at once and all its room is set aside, so that a
    kill cannot damage it.
    """
    check_suffix(path)
    path = refuse_existing(path, overwrite)
    with named_errors(path, "Nothing was changed."), only_writer(path), waiting_interrupt() as stopped:
        refuse_existing(path, overwrite)  # another one may have just written it
        with _growing(path, template, request, stopped, overwrite=overwrite) as sink:
            yield sink


@contextmanager
def _growing(
    path: Path, template: xr.Dataset, request: dict[str, str], stopped: Callable[[], bool], *, overwrite: bool
) -> Iterator[OnDisk]:
    part, journal = hidden(path, "part"), Journal(hidden(path, "place"), request)
    place = journal.read(overwrite=overwrite) if part.exists() else None
    try:
        if place is None:
            require_room(path.parent, template.nbytes)
            journal.remove()
            _lay_out(part, template)
        with h5py.File(part, "r+") as file:
            yield OnDisk([file[str(name)] for name in template.data_vars], journal, place, stopped)
        publish(part, path)
    except BaseException as error:
        if isinstance(error, InputError | NumericalFailure):  # another call would end in the same way
            journal.remove()
        if not journal.exists():
            part.unlink(missing_ok=True)
        raise
    journal.remove()


def _lay_out(part: Path, template: xr.Dataset) -> None:
    """Write coordinates and attributes, and set aside contiguous room for the variables."""
    coords = template.drop_vars(list(template.data_vars)).assign_attrs(Conventions=CONVENTIONS)
    write_variables(part, coords.assign_coords(sample=template["sample"]))
    add_room(part, {str(name): variable for name, variable in template.data_vars.variables.items()})
