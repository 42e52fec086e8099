"""XDMF: meshes and grids, alone or over time, as FEniCS, Firedrake and ParaView write them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import meshio
import numpy as np
import xarray as xr
from meshio.xdmf.common import translate_mixed_cells, xdmf_to_meshio_type

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.notes import Notes
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.recordings import Recording, recordings_to_fields
from surrogate.datasets.readers.xdmf_grids import RECTANGULAR, grids_to_fields
from surrogate.datasets.readers.xdmf_items import Items
from surrogate.datasets.readers.xdmf_series import Series, all_series

SUFFIXES = (".xdmf", ".xmf")


def read_xdmf(path: Path) -> xr.Dataset:
    """Return a mesh or grid and its fields, over time where there is a temporal collection.

    Several temporal collections are samples. Numbers are in the text, in HDF5 or in binary files, which have to lie
    in the folder of the file or below; they are read when they are asked for. Fields that refer to the same numbers at
    all times get no time axis. A rectangular mesh (``3DRectMesh``, ``3DCoRectMesh``) is a grid.

    Raises
    ------
    InputError
        The file or one that it names cannot be read, lies elsewhere, or has cells or grids that we do not know.
    """
    return read_xdmfs([path])


def read_xdmfs(paths: Sequence[Path]) -> xr.Dataset:
    """Return several files with all their samples; see `read_xdmf`."""
    files = [_parsed(path) for path in paths]
    series = [(items, found) for items in files for found in all_series(items)]
    times = {found.times is None for _, found in series}
    rectangular = {_topology(items, found.frames[0]) in RECTANGULAR for items, found in series}
    if len(times) > 1 or len(rectangular) > 1:
        do = "Open them apart."
        raise expected("only grids or only meshes, all with times or all without", str(paths[0]), do)
    if rectangular == {True}:
        fields = grids_to_fields(series)
    else:
        fields = recordings_to_fields([_recording(items, found) for items, found in series])
        fields = fields.isel(time=0, drop=True) if times == {True} else fields
    return check(Notes.read(files[0].root.findtext("./Domain/Information")).added_to(fields), values=False)


def _parsed(path: Path) -> Items:
    try:
        root = ElementTree.parse(path).getroot()
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("a readable XDMF file at", path, error) from error
    if root.tag != "Xdmf":
        raise expected(f"an XDMF file at {str(path)!r}", f"<{root.tag}>", "Rename it if the suffix is wrong.")
    return Items(path, root)


def _topology(items: Items, frame: Element) -> str:
    found = frame.find("Topology")
    if found is None:
        raise expected(f"a topology in each grid of {str(items.path)!r}", "none", "Export the mesh as well.")
    found = items.referred(found)
    return found.get("TopologyType", found.get("Type", ""))


def _recording(items: Items, series: Series) -> Recording:
    times = np.zeros(1) if series.times is None else series.times
    return Recording(items.path, times, partial(_mesh, items, series.frames), series.still)


def _mesh(items: Items, frames: Sequence[Element], number: int) -> meshio.Mesh:
    """Return a frame as meshio would."""
    frame = frames[number]
    points = _points(items, frame)
    cells = _cells(items, frame)
    nodes, inner = {}, {}
    for attribute in frame.findall("Attribute"):
        values = items.read(_item(items, attribute))
        center = attribute.get("Center", "Node")
        if center == "Node":
            nodes[attribute.attrib["Name"]] = values.reshape(len(points), -1)
        elif center == "Cell":
            lengths = np.cumsum([len(block) for _, block in cells])[:-1]
            inner[attribute.attrib["Name"]] = np.split(values.reshape(sum(len(b) for _, b in cells), -1), lengths)
    return meshio.Mesh(points, cells, point_data=nodes, cell_data=inner)


def _points(items: Items, frame: Element) -> np.ndarray:
    geometry = frame.find("Geometry")
    if geometry is None:
        raise expected(f"points in each grid of {str(items.path)!r}", "none", "Export the mesh as well.")
    geometry = items.referred(geometry)
    kind = geometry.get("GeometryType", geometry.get("Type", "XYZ"))
    if kind not in ("XYZ", "XY"):
        raise expected(f"points XYZ or XY in {str(items.path)!r}", repr(kind), "Export them so.")
    return items.read(_item(items, geometry)).reshape(-1, len(kind))


def _cells(items: Items, frame: Element) -> list[tuple[str, np.ndarray]]:
    topology = frame.find("Topology")
    assert topology is not None
    topology = items.referred(topology)
    kind, numbers = _topology(items, frame), items.read(_item(items, topology))
    if kind == "Mixed":
        return [(block.type, block.data) for block in translate_mixed_cells(numbers.ravel())]
    names = {name.lower(): known for name, known in xdmf_to_meshio_type.items()}
    if kind.lower() not in names:
        raise expected(f"cells that meshio knows in {str(items.path)!r}", repr(kind), "Cut or linearize them.")
    return [(names[kind.lower()], numbers.reshape(len(numbers), -1))]


def _item(items: Items, parent: Element) -> Element:
    found = parent.findall("DataItem")
    if len(found) != 1:
        raise expected(f"one DataItem in <{parent.tag}> of {str(items.path)!r}", len(found), "Export them so.")
    return found[0]
