"""Heaps of HDF5 files, where names, texts and lists of varying length lie, damaged so that the library does harm.

The layout is that of "HDF5 File Format Specification", III.D and III.E: names lie in local heaps, whose head tells the
size of their data, for which the library makes room. Texts lie in global ones: behind a head of 16 bytes objects, each
with a head of its own and padded to eight bytes; object 0 is what is left, and its size counts its head. The library
never leaves one where that is zero.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from surrogate.datasets.errors import expected

_LOCAL, _GLOBAL, _HEAD = b"HEAP\0\0\0\0", b"GCOL\x01\0\0\0", 16
#: Bytes at the beginning and at the end of a file that are looked through: small data are there, large ones between.
_REACH = 2**23


def refuse_damaged_heaps(path: Path) -> None:
    """Raise `InputError` where a heap is larger than the file, or one of its objects takes no room."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        size = os.fstat(file.fileno()).st_size
        for first, last in ((0, min(size, _REACH)), (max(_REACH, size - _REACH), size)):
            for sign, is_damaged in ((_LOCAL, _is_false), (_GLOBAL, _is_endless)):
                at = content.find(sign, first, last)
                while at >= 0:
                    if is_damaged(content, at):
                        raise expected(f"whole texts in {str(path)!r}", "a damaged heap", "Make or copy it again.")
                    at = content.find(sign, at + 8, last)


def _is_false(content: mmap.mmap, heap: int) -> bool:
    """Return whether the names in a local heap would not fit in the file."""
    head = content[heap + 8 : heap + _HEAD]
    return int.from_bytes(head, "little") > len(content)


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
