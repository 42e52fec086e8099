"""Small cases of OpenFOAM and EnSight."""

from __future__ import annotations

from pathlib import Path

import numpy as np

POINTS = [(x, y, z) for z in (0, 1) for y in (0, 1) for x in (0, 1, 2)]
#: Two cubes side by side: the face between them, then those at the left, at the right, and the others.
FACES = [
    [1, 4, 10, 7],
    [0, 6, 9, 3], [2, 5, 11, 8],
    [0, 3, 4, 1], [6, 7, 10, 9], [0, 1, 7, 6], [3, 9, 10, 4],
    [1, 4, 5, 2], [7, 8, 11, 10], [1, 2, 8, 7], [4, 10, 11, 5],
]  # fmt: skip
OWNERS, NEIGHBOURS = [0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1], [1]
PATCHES = {"inlet": (1, 1), "outlet": (2, 1), "walls": (3, 8)}


def openfoam(folder: Path) -> None:
    """Write a case of two times, in text."""
    patches = "\n".join(
        f"{name} {{ type patch; nFaces {count}; startFace {start}; }}" for name, (start, count) in PATCHES.items()
    )
    lists = {
        "points": ("vectorField", [_words(point) for point in POINTS]),
        "faces": ("faceList", [f"4{_words(face)}" for face in FACES]),
        "owner": ("labelList", OWNERS),
        "neighbour": ("labelList", NEIGHBOURS),
    }
    _write(folder / "system" / "controlDict", "dictionary", "startTime 0;\nendTime 0.5;\ndeltaT 0.5;\n")
    for name, (kind, rows) in lists.items():
        _write(folder / "constant" / "polyMesh" / name, kind, _listed(rows))
    _write(folder / "constant" / "polyMesh" / "boundary", "polyBoundaryMesh", f"3\n(\n{patches}\n)\n")
    for time in ("0", "0.5"):
        _write(folder / time / "p", "volScalarField", _field("scalar", [1.5, float(time)]))
        _write(folder / time / "U", "volVectorField", _field("vector", [_words((1, 2, 3)), _words((4, 5, 6))]))


def ensight(path: Path) -> None:
    """Write two times of a mesh by VTK's own writer, which writes binary files."""
    import pyvista  # an extra
    from vtkmodules.vtkIOParallel import vtkEnSightWriter

    grid = pyvista.ImageData(dimensions=(3, 2, 2)).cast_to_structured_grid().cast_to_unstructured_grid()
    grid.cell_data["BlockId"] = np.ones(2, dtype="i4")  # parts count from one
    writer = vtkEnSightWriter()
    writer.SetPath(str(path.parent))
    writer.SetBaseName(path.name.partition(".")[0])
    for step in range(2):
        grid.point_data["T"] = np.arange(12, dtype="f4") + step
        grid.cell_data["p"] = np.arange(2, dtype="f4") - step
        writer.SetInputData(grid)
        writer.SetTimeStep(step)
        writer.Write()
    writer.WriteCaseFile(2)


def ensight_text(path: Path) -> None:
    """Write one prism with its bottom as a part of its own, in text."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 2], [1, 0, 2], [0, 1, 2]], dtype=float)
    parts = (("prism", points, "penta6", range(1, 7)), ("bottom", points[:3], "tria3", range(1, 4)))
    geometry, values = ["a prism", "and its bottom", "node id off", "element id off"], ["temperature"]
    for number, (name, nodes, kind, corners) in enumerate(parts, 1):
        coordinates = [f"{x:12.5e}" for x in nodes.T.ravel()]
        geometry += ["part", f"{number:10d}", name, "coordinates", f"{len(nodes):10d}", *coordinates]
        geometry += [kind, f"{1:10d}", "".join(f"{corner:10d}" for corner in corners)]
        values += ["part", f"{number:10d}", "coordinates", *coordinates[: len(nodes)]]
    path.with_suffix(".geo").write_text("\n".join(geometry) + "\n")
    path.with_suffix(".T").write_text("\n".join(values) + "\n")
    name = path.stem
    case = f"FORMAT\ntype: ensight gold\nGEOMETRY\nmodel: {name}.geo\nVARIABLE\nscalar per node: T {name}.T\n"
    path.write_text(case)


def _write(path: Path, kind: str, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f"FoamFile\n{{\n    version 2.0;\n    format ascii;\n    class {kind};\n    object {path.name};\n}}\n"
    path.write_text(head + body)


def _field(kind: str, values: list[object]) -> str:
    inner = f"dimensions [0 0 0 0 0 0 0];\ninternalField nonuniform List<{kind}>\n{_listed(values)};\n"
    return inner + 'boundaryField\n{\n    ".*" { type zeroGradient; }\n}\n'


def _listed(rows: list[object]) -> str:
    return f"{len(rows)}\n(\n" + "\n".join(map(str, rows)) + "\n)\n"


def _words(numbers: tuple[int, ...] | list[int]) -> str:
    return f"({' '.join(map(str, numbers))})"
