"""Meshes that count more than they hold."""

from __future__ import annotations

from pathlib import Path

import meshio
import numpy as np
import pytest

from surrogate.datasets import InputError, open_dataset

POINTS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)


@pytest.mark.parametrize(
    ("name", "options", "said", "instead"),
    [
        ("mesh.vtk", {"file_format": "vtk"}, b"POINTS 4 ", b"POINTS 99999999999 "),
        ("mesh.vtk", {"file_format": "vtk"}, b"CELL_DATA 1", b"CELL_DATA 77777777"),
        ("mesh.msh", {"file_format": "gmsh22", "binary": False}, b"$Nodes\n4", b"$Nodes\n99999999999"),
        ("mesh.msh", {"file_format": "gmsh"}, (1).to_bytes(8, "little") + (4).to_bytes(8, "little"), b"\x01\0\0\0" * 4),
    ],
)
def test_false_counts_are_refused(
    tmp_path: Path, name: str, options: dict[str, object], said: bytes, instead: bytes
) -> None:
    path = tmp_path / name
    values = {"point_data": {"u": np.arange(4.0)}, "cell_data": {"k": [np.ones(1)]}}
    cells = [("quad", np.array([[0, 1, 2, 3]]))]
    meshio.Mesh(POINTS, cells, **({} if "22" in str(options) else values)).write(path, **options)
    content = path.read_bytes()
    assert said in content
    path.write_bytes(content.replace(said, instead, 1))
    with pytest.raises(InputError, match=rf"points and cells in '.*{name}' as it counts, got a count of "):
        open_dataset(path)
