"""What blocks of Gmsh files claim, against files that meshio and this test write."""

from __future__ import annotations

import struct
from pathlib import Path

import meshio
import meshio.gmsh
import numpy as np
import pytest

from surrogate.datasets import InputError, open_dataset
from surrogate.datasets.readers.gmsh_counts import block_bytes

POINTS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0]], float)
CELLS = [("triangle", [[0, 1, 2], [0, 2, 3]]), ("line", [[0, 1]]), ("triangle", [[1, 4, 2]])]


@pytest.fixture(params=["2.2", "4.0", "4.1"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "mesh.msh"
    blocks = [(kind, np.array(nodes)) for kind, nodes in CELLS]
    tags = [np.full(len(nodes), entity) for entity, (_, nodes) in enumerate(blocks, 1)]
    cell_data = {"gmsh:physical": tags, "gmsh:geometrical": tags}
    entity = {"gmsh:dim_tags": np.tile([2, 1], (5, 1))} if request.param == "4.1" else {}
    mesh = meshio.Mesh(POINTS, blocks, cell_data=cell_data, point_data=entity)
    meshio.gmsh.write(path, mesh, fmt_version=request.param, binary=True)
    return path


def test_blocks_claim_the_bytes_that_they_have(path: Path) -> None:
    content = path.read_bytes()
    claims = [int(claim) for claim in block_bytes(content)]
    surface = [0, 0, 32, 4, 0, 0]  # the only entity that the writer notes, in one group and with no bounds
    nodes = [*surface, 5 * 32, 5 * 32, 5] if b"\n4.1 " in content else [5 * 28, 5 * 28] if b"\n4.0 " in content else []
    number, tags = (8, 0) if b"\n4.1 " in content else (4, 2 if b"\n2.2 " in content else 0)
    rows = [(2, 3), (1, 2), (1, 3)]
    assert claims == nodes + [n * number * (1 + tags + corners) for n, corners in rows]


def test_a_block_of_cells_that_claims_more_is_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    cell = content.index(struct.pack("<3i", 2, 2, 2) if b"\n2.2 " in content else struct.pack("<iQ", 2, 2))
    content[cell + 4 : cell + 8] = struct.pack("<i", 2**30)  # of the first block: two triangles
    path.write_bytes(content)
    with pytest.raises(InputError, match="a count of"):
        open_dataset(path)


def test_cells_without_width_are_refused(tmp_path: Path) -> None:
    # rows of -4 tags and 3 nodes have no bytes, so that any number of them fits
    block = struct.pack("<3i", 2, 2**30, -4)
    content = b"$MeshFormat\n2.2 1 8\n\1\0\0\0\n$EndMeshFormat\n$Elements\n4\n" + block + b"\n$EndElements\n"
    assert list(block_bytes(content)) == [float("inf")]


@pytest.mark.parametrize("groups", [1, 2**40])
def test_entities(groups: int) -> None:
    point = struct.pack("<i3dQi", 1, 0, 0, 0, 1, 7)
    curve = struct.pack("<i6dQiQ2i", 1, *[0] * 6, groups, 7, 2, 1, -2)
    content = b"$MeshFormat\n4.1 1 8\n\1\0\0\0\n$EndMeshFormat\n$Entities\n" + struct.pack("<4Q", 1, 1, 0, 0) + point
    claims = list(block_bytes(content + curve + b"\n$EndEntities\n"))
    assert claims[:4] == [32, 4, 32, 4 * groups]
    assert claims[4:] == ([4 * 2, 0, 0] if groups == 1 else [0])  # after a false claim all is behind the end
