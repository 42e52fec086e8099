"""Heaps of HDF5 files, where texts and lists of varying length lie, damaged so that the library stays in them.

The layout is that of "HDF5 File Format Specification", III.E: behind a head of 16 bytes lie objects, each with a head
of its own and padded to eight bytes; object 0 is what is left, and its size counts its head. The library never leaves
one where that is zero.
"""

from __future__ import annotations

import mmap
import struct

from surrogate.datasets.errors import expected

_SIGN, _HEAD = b"GCOL\x01", 16  # what follows is reserved, and the library does not look at it
#: Bytes at the beginning and at the end of a file that are looked through: small data are there, large ones between.
_REACH = 2**23


def refuse_damaged_heaps(path: str, content: mmap.mmap) -> None:
    """Raise `InputError` where an object in a heap takes no room."""
    size = len(content)
    for first, last in ((0, min(size, _REACH)), (max(_REACH, size - _REACH), size)):
        at = content.find(_SIGN, first, last)
        while at >= 0:
            if _is_endless(content, at):
                raise expected(f"whole texts in {path!r}", "a damaged heap", "Make or copy it again.")
            at = content.find(_SIGN, at + len(_SIGN), last)


def _is_endless(content: mmap.mmap, heap: int) -> bool:
    """Return whether free space of no size is met on the way through a heap."""
    if heap + _HEAD > len(content):
        return False
    end = min(heap + struct.unpack_from("<Q", content, heap + 8)[0], len(content))
    at = heap + _HEAD
    while at + _HEAD <= end:
        number, _, _, size = struct.unpack_from("<HHIQ", content, at)
        if number == 0 and size == 0:
            return True
        at += size if number == 0 else _HEAD + size + -size % 8
    return False
