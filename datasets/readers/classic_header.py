"""The header of netCDF-3 files: its lengths are checked before a parser makes room for them.

The layout is that of Unidata, "The NetCDF Classic Format Specification": numbers are big-endian, and all is padded to
four bytes.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from surrogate.datasets.errors import expected

_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8}


class _Header:
    """Reads numbers and names one after the other, and fails at the end of the file."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content, self._at = content, 4
        self._offset = ">q" if content[3] == 2 else ">i"

    def number(self) -> int:
        return self._unpacked(">i")

    def offset(self) -> int:
        return self._unpacked(self._offset)

    def skip(self, size: int) -> None:
        """Pass ``size`` bytes and their padding."""
        end = self._at + size + -size % 4
        if size < 0 or end > len(self._content):
            raise ValueError(f"{size} bytes announced where {len(self._content) - self._at} are left")
        self._at = end

    def count(self, tag: int) -> int:
        """Return how many entries a list with this tag has; each takes eight bytes at least."""
        found, count = self.number(), self.number()
        if (found, count) != (0, 0) and (found != tag or not 0 <= count <= len(self._content) // 8):
            raise ValueError(f"a list of kind {found} with {count} entries")
        return count

    def attributes(self) -> None:
        for _ in range(self.count(_ATTRIBUTES)):
            self.skip(self.number())
            kind, count = self.number(), self.number()
            self.skip(_BYTES[kind] * count)

    def _unpacked(self, form: str) -> int:
        value: int = struct.unpack_from(form, self._content, self._at)[0]
        self._at += struct.calcsize(form)
        return value


def refuse_false_header(path: Path) -> None:
    """Raise `InputError` where a netCDF-3 file announces more than it has bytes."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            _check(_Header(content), len(content))
        except (KeyError, IndexError, ValueError, struct.error) as error:
            got = f"another one ({error})"
            raise expected(f"a whole netCDF-3 header in {str(path)!r}", got, "Make or copy it again.") from error


def _check(header: _Header, size: int) -> None:
    records = max(header.number(), 0)  # -1: as many as there are
    lengths = []
    for _ in range(header.count(_DIMENSIONS)):
        header.skip(header.number())
        lengths.append(header.number())
    header.attributes()
    for _ in range(header.count(_VARIABLES)):
        header.skip(header.number())
        dims = [header.number() for _ in range(_rank(header, lengths))]
        header.attributes()
        width = _BYTES[header.number()]
        header.number()
        rest = records * width if dims and lengths[dims[0]] == 0 else width
        for dim in dims:
            rest *= lengths[dim] or 1
        if not 0 <= rest <= size - header.offset() + 3:
            raise ValueError(f"a variable of {rest} bytes")


def _rank(header: _Header, lengths: list[int]) -> int:
    rank = header.number()
    if not 0 <= rank <= 8 * len(lengths):
        raise ValueError(f"a variable of rank {rank}")
    return rank
