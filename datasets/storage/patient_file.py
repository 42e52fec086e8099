"""Files for HDF5 to write its structure to: the library crashes where the disk is full."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class PatientFile(io.FileIO):
    """A file that takes everything; ``fault`` says why some of it was not written."""

    fault: OSError | None = None

    def write(self, content: Any) -> int:
        """Write all of the content, or none from the first fault on."""
        left = memoryview(content).cast("B")
        try:
            while left and self.fault is None:
                left = left[super().write(left) :]
        except OSError as error:
            self.fault = error
        return memoryview(content).nbytes

    def truncate(self, size: int | None = None) -> int:
        """Set the length of the file."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.fault = self.fault or error
            return self.tell() if size is None else size


@contextmanager
def patient_file(path: Path, mode: str) -> Iterator[PatientFile]:
    """Open a file that HDF5 writes to; raise at the end, instead of whatever it raises, what the disk had to say.

    Raises
    ------
    OSError
        Not everything could be written.
    """
    with PatientFile(path, mode) as file:
        try:
            yield file
        except Exception as error:
            if file.fault is None:
                raise
            raise file.fault from error
        if file.fault is not None:
            raise file.fault
