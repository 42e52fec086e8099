"""How many points and cells files of VTK and Gmsh say that they hold."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from surrogate.datasets.errors import expected

#: Lines of legacy VTK files that begin an array or a section, with their numbers.
_VTK = re.compile(
    rb"^([A-Za-z_]\S{0,80})(?: +[A-Za-z]\w{0,40})?((?: +\d{1,30}){1,3})(?: +[a-z_]{1,20})? *\r?$", re.MULTILINE
)
_NO_COUNTS = {b"ORIGIN", b"SPACING", b"ASPECT_RATIO"}
#: Sections of Gmsh, which begin with counts: text, or 64-bit numbers.
_GMSH = re.compile(rb"^\$(?:Nodes|Elements|Entities|Periodic|PhysicalNames)\r?\n(?:([ \d]{1,120})\r?\n)?", re.MULTILINE)
_GMSH_DATA = re.compile(rb"^\$(?:Node|Element|ElementNode)Data\r?\n((?:[^\n]{0,200}\n){1,12})", re.MULTILINE)
_GMSH_BINARY = re.compile(rb"\$MeshFormat\s+[\d.]+\s+1\s")
_LINE = re.compile(rb"^\s*(\d{1,30})\s*$", re.MULTILINE)


def refuse_false_counts(path: Path) -> None:
    """Raise `InputError` where a file of VTK or Gmsh counts more than it has bytes, as its parser would make room."""
    if path.suffix not in (".vtk", ".msh"):
        return
    content = path.read_bytes()
    counts = _vtk_counts(content) if path.suffix == ".vtk" else _gmsh_counts(content)
    wrong = next((count for count in counts if count > len(content)), None)
    if wrong is not None:
        got = f"a count of {wrong:.3g} in {len(content)} bytes"
        raise expected(f"as many points and cells in {str(path)!r} as it counts", got, "Make or copy it again.")


def _vtk_counts(content: bytes) -> Iterator[int]:
    """Yield numbers of points, of cells, and of values in an array."""
    title = content.find(b"\n", content.find(b"\n") + 1)
    for found in _VTK.finditer(content, max(0, title + 1)):
        numbers = [int(number) for number in found[2].split()]
        if found[1] == b"CELLS":
            yield from numbers
        elif found[1] not in _NO_COUNTS:
            yield math.prod(numbers)


def _gmsh_counts(content: bytes) -> Iterator[int]:
    """Yield numbers of nodes and elements, also of the first block in each section, and lengths of data."""
    binary = _GMSH_BINARY.search(content, 0, 1000)
    for found in _GMSH.finditer(content):
        if found[1] is not None:
            yield from map(int, found[1].split())
            if binary and b"Elements" in found[0] and len(content) >= found.end() + 12:
                yield struct.unpack_from("<3i", content, found.end())[1]
        elif len(content) >= found.end() + 52:
            yield from struct.unpack_from("<4Q", content, found.end())
            if b"Nodes" in found[0]:
                yield from _node_tags(content, found.end())
            elif b"Elements" in found[0]:
                yield struct.unpack_from("<3iQ", content, found.end() + 32)[3]
    for found in _GMSH_DATA.finditer(content):
        yield from (int(line[1]) for line in _LINE.finditer(found[1]))


def _node_tags(content: bytes, at: int) -> Iterator[int]:
    """Yield how many nodes are in each block of a binary file, and the largest of their numbers."""
    blocks, at = struct.unpack_from("<Q", content, at)[0], at + 32
    while blocks and at + 20 <= len(content):
        count = struct.unpack_from("<3iQ", content, at)[3]
        yield count
        tags = content[at + 20 : at + 20 + 8 * count]
        yield max((number for (number,) in struct.iter_unpack("<Q", tags[: len(tags) // 8 * 8])), default=0)
        blocks, at = blocks - 1, at + 20 + 32 * count
