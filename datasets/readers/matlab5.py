"""Numeric arrays in MATLAB files of version 5 (those before 7.3), every length checked before it is believed.

The layout is that of MathWorks, "MAT-File Format", chapter 1: behind a header of 128 bytes a sequence of elements, each
a type, a number of bytes and the bytes. An array is an element made of elements: flags, sizes, name, values.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

ORDERS = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}
MATRIX, COMPRESSED = 14, 15
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
COMPLEX_FLAG = 1 << 11
HEAD_BYTES = 4096  # more than flags, sizes and name of any array


class _Element(NamedTuple):
    kind: int
    content: memoryview
    end: int


def read_matlab5(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """Return those of the ``wanted`` arrays that the file has; one without real numbers comes as an array of objects.

    Raises
    ------
    ValueError, KeyError, struct.error, zlib.error
        The file is not of this format, truncated or damaged.
    """
    content = np.memmap(path, dtype=np.uint8, mode="r").data
    order = ORDERS.get(bytes(content[124:128]))
    if order is None:
        raise ValueError("no header of MATLAB 5")
    arrays, at = {}, 128
    while at < len(content):
        element = _element(content, at, order)
        name, array = _array(element, order, wanted)
        if array is not None:
            arrays[name] = array
        at = element.end
    return arrays


def _array(element: _Element, order: str, wanted: Collection[str]) -> tuple[str, np.ndarray | None]:
    if element.kind not in (MATRIX, COMPRESSED):
        raise ValueError(f"an element of type {element.kind}")
    flags, shape, name, at = _head(_content(element, HEAD_BYTES), order)
    if name not in wanted:
        return name, None
    code = CLASSES.get(flags & 0xFF)
    if code is None or flags & COMPLEX_FLAG:
        return name, np.empty(0, dtype=object)
    stored = _element(_content(element, HEAD_BYTES + 8 * math.prod(shape)), at, order)
    values = np.array(np.frombuffer(stored.content, dtype=order + STORED[stored.kind]), dtype=code)
    if len(values) != math.prod(shape):
        raise ValueError(f"{len(values)} values in an array of shape {shape}")
    return name, values.reshape(shape, order="F")


def _content(element: _Element, at_most: int) -> memoryview:
    """Return the content of an array, unpacked as far as ``at_most`` bytes."""
    if element.kind == MATRIX:
        return element.content
    return memoryview(zlib.decompressobj().decompress(element.content, at_most))[8:]  # without the tag of the array


def _head(content: memoryview, order: str) -> tuple[int, tuple[int, ...], str, int]:
    """Return flags, shape and name of an array, and where its values begin."""
    parts, at = [], 0
    for _ in range(3):
        element = _element(content, at, order)
        at = element.end
        parts.append(bytes(element.content))
    flags, sizes, name = parts
    shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    if not shape or min(shape) < 0:
        raise ValueError(f"an array of shape {shape}")
    return struct.unpack_from(f"{order}I", flags)[0], shape, name.decode("ascii"), at


def _element(buffer: memoryview, at: int, order: str) -> _Element:
    """Read type and length at ``at``; elements of up to four bytes have both in four bytes."""
    kind, size = struct.unpack_from(f"{order}II", buffer, at)
    start, end = at + 8, at + 8 + size
    if kind >> 16:
        kind, size = kind & 0xFFFF, kind >> 16
        start, end = at + 4, at + 8
    elif kind != COMPRESSED:
        end += -size % 8
    if start + size > len(buffer) or (start == at + 4 and size > 4):
        raise ValueError(f"{size} bytes announced where {len(buffer) - start} are left")
    return _Element(kind, buffer[start : start + size], end)
