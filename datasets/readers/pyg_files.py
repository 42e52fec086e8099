"""Which files of torch hold graphs, told without PyTorch Geometric, which takes a second to import."""

from __future__ import annotations

import zipfile
from pathlib import Path

import xarray as xr


def is_pyg(path: Path) -> bool:
    """Return whether a file of torch holds graphs, told from the names of their classes in it."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                return b"torch_geometric.data" in file.read(2**20)
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith("data.pkl")]
            return any(b"torch_geometric.data" in archive.open(name).read(2**26) for name in names)
    except (OSError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError):  # damaged: `read_pt` says what is wrong
        return False


def read_pyg_file(path: Path) -> xr.Dataset:
    """Read what `read_pyg` reads."""
    from surrogate.datasets.readers.pyg import read_pyg

    return read_pyg(path)
