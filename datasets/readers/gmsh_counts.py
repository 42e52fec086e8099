"""How many bytes the blocks of a binary Gmsh file say that they hold, in versions 2.2, 4.0 and 4.1 of the format."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

#: Nodes of straight cells, by the number that Gmsh gives to their kind. Others are refused once they are read.
_NODES = {1: 2, 2: 3, 3: 4, 4: 4, 5: 8, 6: 6, 7: 5, 15: 1}
_HEADER = re.compile(rb"\$MeshFormat\s+(\S+)\s+1\s")  # a 1: numbers are binary
_SECTION = re.compile(rb"^\$(Nodes|Elements|Entities)\r?\n", re.MULTILINE)
#: Bytes of a number of a node or cell, and of what stands before the first block, in versions 4.
_LAYOUT_4_0, _LAYOUT_4 = (4, 16), (8, 32)


def block_bytes(content: bytes) -> Iterator[float]:
    """Yield the bytes that each block claims; of a file in text nothing. Negative counts are infinite claims.

    The largest number of a node is told as well: room is made for all nodes up to it.
    """
    header = _HEADER.search(content, 0, 1000)
    if header is None:
        return
    for section in _SECTION.finditer(content, header.end()):
        name, at = section[1], section.end()
        if header[1].startswith(b"4"):
            yield from _BLOCKS[name](content, at, *(_LAYOUT_4_0 if header[1] == b"4.0" else _LAYOUT_4))
        elif name == b"Elements":
            end = content.find(b"\n", at)
            total = content[at : max(at, end)].strip()
            yield from _elements_of_2(content, end + 1, int(total) if total.isdigit() else 0)


def _nodes(content: bytes, at: int, width: int, before: int) -> Iterator[float]:
    """Yield claims of blocks of dimension, entity, kind, count, the numbers of the nodes, and their places."""
    (blocks, total), at = _unpacked("<2Q", content, at), at + before
    yield total * (width + 24)
    while blocks and (head := _unpacked("<3iQ", content, at))[3]:
        count = head[3]
        yield count * (width + 24)
        if width == 8:  # in the other version they stand beside the places
            tags = content[at + 20 : at + 20 + width * count]
            yield max((tag for (tag,) in struct.iter_unpack("<Q", tags[: len(tags) // 8 * 8])), default=0)
        blocks, at = blocks - 1, at + 20 + (width + 24) * count


def _elements(content: bytes, at: int, width: int, before: int) -> Iterator[float]:
    """Yield claims of blocks of dimension, entity, kind, count, then number and nodes of each cell."""
    blocks, at = _unpacked("<Q", content, at)[0], at + before
    while blocks and (head := _unpacked("<3iQ", content, at))[3]:
        row = width * (1 + _NODES.get(head[2], 0))
        yield head[3] * row
        if head[2] not in _NODES:
            return
        blocks, at = blocks - 1, at + 20 + row * head[3]


def _entities(content: bytes, at: int, width: int, before: int) -> Iterator[float]:
    """Yield claims of points, curves, surfaces and volumes: number, box, physical groups, and what bounds them."""
    at, counts = at + 32, _unpacked("<4Q", content, at)
    for dimension, count in enumerate(counts):
        yield count * 32
        for _ in range(min(count, len(content) // 32)):
            at += 4 + 8 * (3 if dimension == 0 and width == 8 else 6)
            for _ in range(1 + (dimension > 0)):
                (parts,) = _unpacked("<Q", content, at)
                yield parts * 4
                at += 8 + 4 * parts
            if at > len(content):
                return


def _elements_of_2(content: bytes, at: int, total: int) -> Iterator[float]:
    """Yield claims of blocks of kind, count, number of tags, then number, tags and nodes of each cell."""
    while total > 0:
        kind, count, tags = _unpacked("<3i", content, at)
        row = 4 * (1 + tags + _NODES.get(kind, 0))
        yield count * row if count >= 0 and tags >= 0 else float("inf")
        if kind not in _NODES or count <= 0:
            return
        total, at = total - count, at + 12 + row * count


def _unpacked(layout: str, content: bytes, at: int) -> tuple[int, ...]:
    """Return the numbers at a place; zeros behind the end."""
    size = struct.calcsize(layout)
    return struct.unpack(layout, content[at : at + size].ljust(size, b"\0"))


_BLOCKS = {b"Nodes": _nodes, b"Elements": _elements, b"Entities": _entities}
