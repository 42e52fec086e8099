"""PVD collections with one VTU file for each sample and time, for ParaView and all that reads VTK."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import xarray as xr

from surrogate.datasets.fields import Fields
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.readers.pvd import SAMPLES
from surrogate.datasets.storage.watched import checked_when_read
from surrogate.datasets.storage.whole_files import refuse_existing
from surrogate.datasets.writers.folders import belonging, whole_folder
from surrogate.datasets.writers.index import write_index
from surrogate.datasets.writers.snapshots import Snapshots


def write_pvd(fields: Fields, path: str | Path, *, overwrite: bool = False) -> None:
    """Write fields to a collection ``<name>.pvd``, with a VTU file for each sample and time in ``<name>.pvd.data``.

    Samples are the parts of the collection, which ParaView shows as blocks. A grid becomes a mesh of quads or
    hexahedra; the cells that close a periodic axis are left out. Units, parameters and other attributes are noted in
    the collection, where `open_dataset` finds them; other programs do not look there.

    Raises
    ------
    InputError
        The fields break the convention, are on points of their own, or the path exists.
    OSError
        The files cannot be written. Nothing is left behind.
    """
    path = refuse_existing(path, overwrite)
    dataset = checked_when_read(fields)
    snapshots = Snapshots(dataset)
    root = Element("VTKFile", type="Collection", version="1.0", byte_order="LittleEndian")
    collection = SubElement(root, "Collection")
    with belonging(path) as data:
        with whole_folder(data, size=dataset.nbytes) as folder:
            for sample in range(snapshots.samples):
                for number, time in enumerate(snapshots.times.tolist()):
                    name = f"{sample:05d}_{number:05d}.vtu"
                    snapshots.frame(sample, number).write(folder / name, file_format="vtu")
                    entry = {"timestep": repr(time), "group": SAMPLES, "part": str(sample)}
                    SubElement(collection, "DataSet", entry, file=f"{data.name}/{name}")
        write_index(path, root, root, _with_plain_axes(dataset))


def _with_plain_axes(fields: xr.Dataset) -> xr.Dataset:
    """Return fields whose axes do not say what grid they make up."""
    plain = {name: fields[name].variable.copy(deep=False) for name in AXES if name in fields.dims}
    for variable in plain.values():
        variable.attrs = {name: variable.attrs[name] for name in ("units", "long_name") if name in variable.attrs}
    return fields.assign_coords(plain)
