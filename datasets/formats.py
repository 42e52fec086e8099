"""The formats that we read, and which of them a file or folder has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.readers.cf import read_cf
from surrogate.datasets.readers.cgns import read_cgns
from surrogate.datasets.readers.ensight import read_ensight
from surrogate.datasets.readers.exodus import SUFFIXES as EXODUS_SUFFIXES
from surrogate.datasets.readers.exodus import read_exodus, read_many_exodus
from surrogate.datasets.readers.mat import read_mat
from surrogate.datasets.readers.meshgraphnets import is_meshgraphnets, read_meshgraphnets
from surrogate.datasets.readers.meshio_files import SUFFIXES as MESH_SUFFIXES
from surrogate.datasets.readers.meshio_files import read_mesh, read_meshes
from surrogate.datasets.readers.npy import SUFFIXES as NPY_SUFFIXES
from surrogate.datasets.readers.npy import read_npy
from surrogate.datasets.readers.openfoam import is_openfoam, read_openfoam
from surrogate.datasets.readers.pdebench import is_pdebench, read_pdebench
from surrogate.datasets.readers.pt import read_pt
from surrogate.datasets.readers.pvd import read_pvd, read_pvds
from surrogate.datasets.readers.pyg_files import is_pyg, read_pyg_file
from surrogate.datasets.readers.tables import READERS as TABLES
from surrogate.datasets.readers.tables import read_table
from surrogate.datasets.readers.the_well import is_the_well, read_the_well, read_the_well_files
from surrogate.datasets.readers.xdmf import SUFFIXES as XDMF_SUFFIXES
from surrogate.datasets.readers.xdmf import read_xdmf, read_xdmfs
from surrogate.datasets.readers.zarr import is_zarr, read_zarr
from surrogate.datasets.storage.shards import is_shards, read_shards
from surrogate.datasets.storage.store import SUFFIXES

HDF5 = (".h5", ".hdf5")
ARRAYS = frozenset({"names", "grid", "times", "dims"})


def _is_file(path: Path) -> bool:
    return path.is_file()


@dataclass(frozen=True)
class Format:
    """One format.

    Parameters
    ----------
    name
        What `open_dataset` calls it.
    read
        Takes a path and the ``options``, gives fields that are still to be checked.
    suffixes
        What paths end in. None: any path may be of this format.
    matches
        Tells quickly whether a path with such a suffix has this format, from what is in it; never raises. Where
        several formats share a suffix the last takes all that are left, so that it can say what is wrong with a file.
    options
        The options of `open_dataset` that ``read`` takes. ``names`` works for all: variables are renamed afterwards.
    read_many
        Takes several paths, each with its own samples, where a pattern opens them together.
    marker
        A file of this format only marks the folder that it lies in, and may be empty.
    """

    name: str
    read: Callable[..., xr.Dataset]
    suffixes: tuple[str, ...] = ()
    matches: Callable[[Path], bool] = _is_file
    options: frozenset[str] = frozenset()
    read_many: Callable[..., xr.Dataset] | None = None
    marker: bool = False

    def has(self, path: Path) -> bool:
        """Return whether the file or folder has this format."""
        return (not self.suffixes or path.suffix in self.suffixes) and self.matches(path)


#: In the order in which they are tried.
FORMATS: tuple[Format, ...] = (
    Format("shards", read_shards, matches=is_shards),
    Format("the_well", read_the_well, HDF5, is_the_well, read_many=read_the_well_files),
    Format("pdebench", read_pdebench, HDF5, is_pdebench, options=frozenset({"correct"})),
    Format("meshgraphnets", read_meshgraphnets, HDF5, is_meshgraphnets, options=frozenset({"times"})),
    Format("netcdf", read_cf, SUFFIXES, options=frozenset({"names"})),
    Format("zarr", read_zarr, matches=is_zarr, options=frozenset({"names"})),
    Format("mat", read_mat, (".mat",), options=ARRAYS),
    Format("npy", read_npy, NPY_SUFFIXES, options=ARRAYS),
    Format("pyg", read_pyg_file, (".pt", ".pth"), is_pyg),
    Format("pt", read_pt, (".pt", ".pth"), options=ARRAYS),
    Format("table", read_table, tuple(TABLES), options=frozenset({"names"})),
    Format("pvd", read_pvd, (".pvd",), read_many=read_pvds),
    Format("openfoam", read_openfoam, matches=is_openfoam, marker=True),
    Format("ensight", read_ensight, (".case",)),
    Format("cgns", read_cgns, (".cgns",)),
    Format("exodus", read_exodus, EXODUS_SUFFIXES, read_many=read_many_exodus),
    Format("xdmf", read_xdmf, XDMF_SUFFIXES, read_many=read_xdmfs),
    Format("mesh", read_mesh, MESH_SUFFIXES, options=frozenset({"names"}), read_many=read_meshes),
)


def format_of(path: Path, name: str | None = None) -> Format:
    """Return the format of a file or folder, or the one that is called ``name``.

    Raises
    ------
    InputError
        There is none.
    """
    if name is not None:
        for choice in FORMATS:
            if choice.name == name:
                return choice
        known = ", ".join(choice.name for choice in FORMATS)
        raise expected(f"a format out of {known}", repr(name), "Correct `format`, or leave it out.")
    for choice in FORMATS:
        if choice.has(path):
            return choice
    if path.is_dir():
        do = "Name a file in it, or a pattern such as 'runs/*.vtu'."
        raise expected("an existing file, or a folder of a known format", f"the folder {str(path)!r}", do)
    suffixes = ", ".join(dict.fromkeys(suffix for choice in FORMATS for suffix in choice.suffixes))
    do = "Convert it, or rename it if the suffix is wrong."
    raise expected(f"a file that ends in {suffixes}", f"{str(path)!r}", do)
