"""How many points and cells files of VTK and Gmsh say that they hold."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from surrogate.datasets.errors import expected
from surrogate.datasets.readers.gmsh_counts import block_bytes

#: Lines of legacy VTK files that begin an array or a section, with their numbers.
_VTK = re.compile(rb"^([A-Za-z_]\S{0,80})(?: +[A-Za-z]\w{0,40})?((?: +\d{1,30}(?![\d.eE+-])){1,3})", re.MULTILINE)
_NO_COUNTS = {b"ORIGIN", b"SPACING", b"ASPECT_RATIO", b"DATA"}
#: Sections of Gmsh that begin with counts in text.
_GMSH = re.compile(rb"^\$(?:Nodes|Elements|Entities|Periodic|PhysicalNames)\r?\n([ \d]{1,120})\r?\n", re.MULTILINE)
#: What stands before the numbers of a field; it may run into the next field, which is looked at as well.
_GMSH_DATA = re.compile(rb"^\$(?:Node|Element|ElementNode)Data\r?\n(?=((?:[^\n]{0,200}\n){1,12}))", re.MULTILINE)
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


def _vtk_counts(content: bytes) -> Iterator[float]:
    """Yield numbers of points, of cells, and of values in an array."""
    title = content.find(b"\n", content.find(b"\n") + 1)
    for found in _VTK.finditer(content, max(0, title + 1)):
        numbers = [int(number) for number in found[2].split()]
        if found[1] == b"CELLS":
            yield from numbers
        elif found[1] not in _NO_COUNTS:
            yield math.prod(numbers)


def _gmsh_counts(content: bytes) -> Iterator[float]:
    """Yield numbers of nodes and elements in the text, lengths of data, and bytes of blocks."""
    for found in _GMSH.finditer(content):
        yield from map(int, found[1].split())
    for found in _GMSH_DATA.finditer(content):
        yield from (int(line[1]) for line in _LINE.finditer(found[1]))
    yield from block_bytes(content)
