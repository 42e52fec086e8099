"""XDMF: an index that ParaView, VisIt and meshio read, and the numbers in HDF5 beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

import h5py
import meshio
import numpy as np
import xarray as xr
from meshio.xdmf.common import meshio_to_xdmf_type, meshio_type_to_xdmf_index

from surrogate.datasets.domain import is_on_points
from surrogate.datasets.fields import Fields
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.datasets.storage.patient_file import patient_file
from surrogate.datasets.storage.watched import checked_when_read
from surrogate.datasets.storage.whole_files import refuse_existing, whole_file
from surrogate.datasets.writers.folders import belonging
from surrogate.datasets.writers.index import write_index
from surrogate.datasets.writers.snapshots import Snapshots, spatial_fields


def write_xdmf(fields: Fields, path: str | Path, *, overwrite: bool = False) -> None:
    """Write fields to ``<name>.xdmf``, with all numbers in ``<name>.xdmf.data.h5``.

    Each sample is a temporal collection. A grid is a rectangular mesh, on a line one row of it; what does not change
    in time is stored once. Units, parameters, boundaries of a grid and other attributes are noted
    in the index, where `open_dataset` finds them; other programs do not look there.

    Raises
    ------
    InputError
        The fields break the convention, are on points of their own, or the path exists.
    OSError
        The files cannot be written. Nothing is left behind.
    """
    path = refuse_existing(path, overwrite)
    dataset = checked_when_read(fields)
    root = Element("Xdmf", Version="3.0")
    domain = SubElement(root, "Domain")
    with belonging(path, ".h5") as data:
        with (
            whole_file(data, size=dataset.nbytes) as part,
            patient_file(part, "w+") as whole,
            h5py.File(whole, "w") as file,
        ):
            numbers = _Numbers(file, data.name)
            grids = _meshes(dataset, numbers) if is_on_points(dataset) else _grids(dataset, numbers)
            domain.extend(list(grids))
        write_index(path, root, domain, dataset)


class _Numbers:
    """Stores arrays and gives the elements that name them; equal names are stored once."""

    def __init__(self, file: h5py.File, name: str) -> None:
        self._file, self._name = file, name

    def item(self, place: str, values: np.ndarray) -> Element:
        """Return the ``DataItem`` of an array at a place in the file."""
        if place not in self._file:
            self._file[place] = values
        kind = {"f": "Float", "i": "Int", "u": "UInt"}[values.dtype.kind]
        attributes = {
            "DataType": kind,
            "Precision": str(values.dtype.itemsize),
            "Dimensions": " ".join(map(str, values.shape)),
            "Format": "HDF",
        }
        element = Element("DataItem", attributes)
        element.text = f"{self._name}:/{place}"
        return element


def _meshes(fields: xr.Dataset, numbers: _Numbers) -> Iterator[Element]:
    snapshots = Snapshots(fields)
    moving = "time" in fields["x"].dims
    changing = {name for name in snapshots.names if "time" in fields[name].dims}
    for sample in range(snapshots.samples):
        frames = []
        for number in range(len(snapshots.times)):
            file = snapshots.frame(sample, number)
            once, at = f"sample_{sample}", f"sample_{sample}/frame_{number}"
            grid = Element("Grid", Name=f"frame_{number}", GridType="Uniform")
            kind, cells = _topology(file)
            topology = SubElement(grid, "Topology", TopologyType=kind, NumberOfElements=str(sum(map(len, file.cells))))
            topology.append(numbers.item(f"{once}/cells", cells))
            if kind == "Polyline":
                topology.set("NodesPerElement", "2")
            geometry = SubElement(grid, "Geometry", GeometryType="XYZ")
            geometry.append(numbers.item(f"{at if moving else once}/points", file.points))
            values = {name: ("Node", array) for name, array in file.point_data.items()}
            values |= {name: ("Cell", np.concatenate(parts)) for name, parts in file.cell_data.items()}
            for name, (center, array) in values.items():
                item = numbers.item(f"{at if name in changing else once}/fields/{quote(name, safe='')}", array)
                _attribute(grid, name, center).append(item)
            frames.append(grid)
        yield _run(sample, frames, fields)


def _grids(fields: xr.Dataset, numbers: _Numbers) -> Iterator[Element]:
    """Yield rectangular meshes in the plane or in space: z runs slowest in the file."""
    grid = Grid.from_fields(fields)
    corners = [part.points if grid.location == "node" else part.edges for part in grid.parts]
    if grid.dim == 1:  # VTK knows no meshes on a line: one row of points, or of cells
        corners.append(np.arange(1.0 if grid.location == "node" else 2.0))
    names = spatial_fields(fields, "XDMF")
    for sample in range(fields.sizes.get("sample", 1)):
        own = fields.isel(sample=sample) if "sample" in fields.dims else fields
        frames = []
        for number in range(fields.sizes.get("time", 1)):
            element = Element("Grid", Name=f"frame_{number}", GridType="Uniform")
            sizes = " ".join(str(len(along)) for along in reversed(corners))
            SubElement(element, "Topology", TopologyType=f"{len(corners)}DRectMesh", Dimensions=sizes)
            geometry = SubElement(element, "Geometry", GeometryType="VXVYVZ"[: 2 * len(corners)])
            geometry.extend([numbers.item(axis, along) for axis, along in zip(AXES, corners, strict=False)])
            for name in names:
                variable = own[name].isel(time=number) if "time" in own[name].dims else own[name]
                _attribute(element, name, "Node" if grid.location == "node" else "Cell").append(
                    numbers.item(_place(own[name], sample, number), _with_z_first(variable, own, grid))
                )
            frames.append(element)
        yield _run(sample, frames, fields)


def _place(variable: xr.DataArray, sample: int, frame: int) -> str:
    at = f"sample_{sample}/frame_{frame}" if "time" in variable.dims else f"sample_{sample}"
    return f"{at}/fields/{quote(str(variable.name), safe='')}"


def _with_z_first(variable: xr.DataArray, fields: xr.Dataset, grid: Grid) -> np.ndarray:
    full = variable.broadcast_like(fields.coords.to_dataset()[[*grid.names]]).transpose(*reversed(grid.names))
    values = np.ascontiguousarray(full.values)
    return values[None] if grid.dim == 1 else values


def _run(sample: int, frames: Sequence[Element], fields: xr.Dataset) -> Element:
    """Return the frames of a sample as a collection over time, or without time the only one."""
    if "time" not in fields.dims:
        frames[0].set("Name", f"sample_{sample}")
        return frames[0]
    attributes = {"Name": f"sample_{sample}", "GridType": "Collection", "CollectionType": "Temporal"}
    collection = Element("Grid", attributes)
    for frame, time in zip(frames, fields["time"].values.tolist(), strict=True):
        SubElement(frame, "Time", Value=repr(time))
        collection.append(frame)
    return collection


def _attribute(grid: Element, name: str, center: str) -> Element:
    return SubElement(grid, "Attribute", Name=name, AttributeType="Scalar", Center=center)


def _topology(file: meshio.Mesh) -> tuple[str, np.ndarray]:
    if len(file.cells) == 1:
        return meshio_to_xdmf_type[file.cells[0].type][0], file.cells[0].data
    rows = [np.insert(block.data, 0, meshio_type_to_xdmf_index[block.type], axis=1).ravel() for block in file.cells]
    return "Mixed", np.concatenate(rows)
