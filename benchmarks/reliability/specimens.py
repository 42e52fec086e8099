"""A small whole file of each format that we read, written by the format's own tools. A new reader is a new entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import meshio
import numpy as np
import pandas as pd
import scipy.io
import simulations
import torch
import xarray as xr
from torch_geometric.data import Data, InMemoryDataset

import surrogate as sg
from surrogate.datasets.storage.finite import piece
from surrogate.datasets.writers import write_the_well
from surrogate.journal import Journal, Place
from surrogate.training.checkpoint import read_checkpoint

#: Of lazy fields that claim more than this, a corner is read.
MOST_BYTES = 2**26


def open_and_read(path: Path) -> None:
    """Open a file as fields and read them, but for what has to be unpacked in large pieces."""
    with sg.open_dataset(path) as fields:
        small = fields.nbytes < MOST_BYTES
        for variable in fields.variables.values():
            if piece(variable) < MOST_BYTES:
                variable[... if small else (slice(1),) * variable.ndim].load()


def read_journal(path: Path) -> None:
    Journal(path, {"stepper": "a"}).read(overwrite=False)


@dataclass(frozen=True)
class Specimen:
    """How a whole file is made, and how it is read; ``needs`` is a package that not all have."""

    name: str
    write: Callable[[Path], Any]
    read: Callable[[Path], Any] = open_and_read
    needs: str | None = None


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def fields() -> xr.Dataset:
    u = random(3, 2, 4, 6).astype("float32")
    grid = sg.Grid(shape=(4, 6), periodic=(True, False))
    variables = {
        "u": (("sample", "time", "x", "y"), u, {"units": "m s-1", "long_name": "velocity"}),
        "k": (("sample", "x", "y"), random(3, 4, 6), {"units": "1"}),
        "viscosity": ((), 1e-3, {"units": "m2 s-1"}),
    }
    time = xr.Variable("time", [0.0, 0.5], {"units": "s"})
    return xr.Dataset(variables, coords={"time": time, **grid.coordinates("m")}, attrs={"equation": "u_t = 0"})


def ours(path: Path) -> None:
    sg.save_dataset(fields(), path)


def ours_on_meshes(path: Path) -> None:
    sg.save_dataset(sg.generate(sg.cases.PoissonPolygons(nodes=(20, 30)), samples=2, progress=False), path)


def netcdf(path: Path) -> None:
    mask = (("x", "y"), np.ones((4, 6), dtype="i2"), {"units": "1"})
    packed = {"u": {"zlib": True, "chunksizes": (1, 1, 4, 6)}}
    fields().assign(mask=mask).to_netcdf(path, engine="netcdf4", encoding=packed)


def pdebench(path: Path) -> None:
    x, times = np.linspace(0.0625, 0.9375, 8, dtype="f4"), np.linspace(0, 1, 6, dtype="f4")
    tensor = np.sin(2 * np.pi * (x - times[:5, None]) + np.arange(3.0)[:, None, None]).astype("f4")
    with h5py.File(path, "w") as file:
        for name, values in {"tensor": tensor, "x-coordinate": x, "t-coordinate": times}.items():
            file.create_dataset(name, data=values)
        file.attrs["nu"] = 0.1


def smoke(path: Path) -> None:
    """Incompressible flow of PDEBench."""
    arrays = {
        "particles": random(2, 3, 4, 6, 1),
        "velocity": random(2, 3, 4, 6, 2),
        "force": random(2, 4, 6, 2),
        "t": np.tile([0.0, 0.5, 1.0], (2, 1)),
    }
    with h5py.File(path, "w") as file:
        file.attrs.update({"config": "grid_size:\n- 4\n- 6\nNU: 0.01\n", "latestIndex": 2})
        for name, values in arrays.items():
            chunks = (1, 1, *values.shape[2:])
            file.create_dataset(name, data=values, dtype="f4", chunks=chunks, compression="lzf", shuffle=True)


def the_well(path: Path) -> None:
    write_the_well(fields(), path)


def meshgraphnets(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for trajectory, corners in enumerate(([[0, 0], [1, 0], [0, 1]], [[0, 0], [1, 0], [1, 1], [0, 1]])):
            n = len(corners)
            group = file.create_group(str(trajectory))
            group["pos"], group["node_type"] = np.array(corners, "f4"), np.arange(n)[:, None]
            group["cells"] = np.array([[0, 1, 2], [0, 2, 3]][: n - 2])
            group["velocity"], group["pressure"] = random(3, n, 2), random(3, n, 1)


def shards(path: Path) -> None:
    sg.generate(sg.cases.Burgers(64, viscosity=0.05, dt=0.1, steps=2), 5, path, shard_size=2, progress=False)


def netcdf_3(path: Path) -> None:
    plain = fields()
    for axis in ("x", "y"):
        plain[axis].attrs = {"units": "m"}  # the format has no lists of words
    plain.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")


def moving_mesh(path: Path) -> None:
    """Fields on a mesh over three times, by the writer that the suffix names."""
    points = sg.Mesh(mesh().points[:6, :2], np.array([[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4]]), cell_dim=2)
    variables = {"u": (("sample", "time", "node"), random(1, 3, 6), {"units": "1", "mesh": "mesh", "location": "node"})}
    time = xr.Variable("time", [0.0, 0.5, 1.0], {"units": "s"})
    sg.save_dataset(xr.Dataset(variables, coords={**points.coordinates(), "time": time}), path)


def exodus(path: Path) -> None:
    full = mesh()
    meshio.Mesh(full.points, full.cells, point_data={"u": random(8)}).write(path, file_format="exodus")


def matlab_5(path: Path) -> None:
    scipy.io.savemat(path, {"a": random(3, 5, 4), "u": random(3, 5, 4, 2)})


def matlab_5_compressed(path: Path) -> None:
    scipy.io.savemat(path, {"x": np.arange(6.0), "t": np.arange(4.0), "usol": random(6, 4)}, do_compression=True)


def matlab_73(path: Path) -> None:
    """HDF5 behind a block of 512 bytes, with the axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in {"a": random(5, 4, 3), "u": random(2, 5, 4, 3)}.items():
            file.create_dataset(name, data=values, chunks=True, compression="gzip").attrs["MATLAB_class"] = np.bytes_(
                "double"
            )
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM")


def tensors(path: Path, *, zipped: bool = True) -> None:
    content = {
        "x": torch.tensor(random(3, 5, 4)),
        "y": torch.tensor(random(3, 5, 4, 2)),
        "viscosity": torch.tensor(0.1),
    }
    torch.save(content, path, _use_new_zipfile_serialization=zipped)


def old_tensors(path: Path) -> None:
    tensors(path, zipped=False)


def table() -> pd.DataFrame:
    dates = pd.date_range("2024-01-01", periods=24, freq="h")
    return pd.DataFrame({"date": dates, "load": random(24), "temperature": random(24)})


def graphs(path: Path) -> None:
    torch.save([Data(pos=torch.rand(n, 2), x=torch.rand(n, 3), y=torch.ones(1, 2)) for n in (4, 6)], path)


def joined_graphs(path: Path) -> None:
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    InMemoryDataset.save([Data(pos=points * n, face=torch.tensor([[0], [1], [2]]), y=points) for n in (1, 2)], path)


def array(path: Path) -> None:
    np.save(path, random(3, 8, 6))


def arrays(path: Path) -> None:
    np.savez_compressed(path, usol=random(6, 4), x=np.arange(6.0), t=np.arange(4.0))


def cgns(path: Path) -> None:
    """Two tetrahedra with a solution at their corners."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], dtype=float)
    meshio.Mesh(points, [("tetra", np.array([[0, 1, 2, 3], [1, 2, 3, 4]]))]).write(path)
    with h5py.File(path, "r+") as file:
        file["Base/Zone1/FlowSolution/Pressure/ data"] = random(5)


def csv(path: Path) -> None:
    table().to_csv(path, index=False)


def parquet(path: Path) -> None:
    table().to_parquet(path)


def mesh() -> meshio.Mesh:
    """Two squares and two triangles with data at points and in cells, and a tagged boundary."""
    points = np.array(
        [[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0], [1, 1, 0], [2, 1, 0], [0.5, 2, 0], [1.5, 2, 0]], dtype=float
    )
    cells = [("quad", [[0, 1, 4, 3], [1, 2, 5, 4]]), ("triangle", [[3, 4, 6], [4, 5, 7]])]
    cell_data = {"k": [random(2), random(2)]}
    return meshio.Mesh(points, cells, point_data={"u": random(8), "velocity": random(8, 3)}, cell_data=cell_data)


def mesh_file(path: Path, **options: Any) -> None:
    mesh().write(path, **options)


def vtk_text(path: Path) -> None:
    mesh_file(path, file_format="vtk", binary=False)


def vtu_text(path: Path) -> None:
    mesh_file(path, file_format="vtu", binary=False)


def gmsh(path: Path) -> None:
    """Gmsh 4.1, which needs to be told the entity of every point, or have one kind of cells."""
    full = mesh()
    meshio.Mesh(full.points[:6], full.cells[:1], point_data={"u": random(6)}).write(path, file_format="gmsh")


def gmsh_2(path: Path) -> None:
    mesh_file(path, file_format="gmsh22", binary=True)


def xdmf_text(path: Path) -> None:
    mesh_file(path, file_format="xdmf", data_format="XML")


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return sg.models.FNO(1, 1, dim=1, n_modes=4, hidden_channels=2, n_layers=1)


def surrogate(path: Path) -> None:
    data = sg.generate(sg.cases.Burgers(64, viscosity=0.05, dt=0.1, steps=2), samples=6, progress=False)
    parts = sg.prepare(data, inputs=["u"], outputs=["u"], split=(4, 1, 1))
    torch.manual_seed(0)
    net = sg.models.FNO.for_data(parts, hidden_channels=2, n_layers=1, n_modes=4)
    sg.fit(net, parts, epochs=1, check=False, trainer={"accelerator": "cpu"}).save(path)


def journal(path: Path) -> None:
    place = Place(2, torch.full((3, 1), 7), first=1, step=4, carry=[torch.tensor(random(2, 4)), 3])
    Journal(path, {"stepper": "a"}).write(place)


def checkpoint(path: Path) -> None:
    torch.save({"state_dict": network().state_dict(), "epoch": 3, "loops": {"fit": [1, 2.0]}}, path)


SPECIMENS = {
    "ours.h5": Specimen("ours.h5", ours),
    "meshes.h5": Specimen("meshes.h5", ours_on_meshes),
    "netcdf4.nc": Specimen("netcdf4.nc", netcdf),
    "netcdf3.nc": Specimen("netcdf3.nc", netcdf_3),
    "fields.zarr": Specimen("fields.zarr", ours),
    "series.pvd": Specimen("series.pvd", moving_mesh),
    "series.xdmf": Specimen("series.xdmf", moving_mesh),
    "mesh.e": Specimen("mesh.e", exodus),
    "pdebench": Specimen("pdebench.hdf5", pdebench),
    "smoke": Specimen("smoke.h5", smoke),
    "the_well": Specimen("the_well.hdf5", the_well),
    "meshgraphnets": Specimen("meshgraphnets.h5", meshgraphnets),
    "shards": Specimen("shards", shards),
    "matlab5.mat": Specimen("matlab5.mat", matlab_5),
    "compressed.mat": Specimen("compressed.mat", matlab_5_compressed),
    "matlab73.mat": Specimen("matlab73.mat", matlab_73),
    "zip.pt": Specimen("zip.pt", tensors),
    "old.pt": Specimen("old.pt", old_tensors),
    "graphs.pt": Specimen("graphs.pt", graphs),
    "joined_graphs.pt": Specimen("joined_graphs.pt", joined_graphs),
    "array.npy": Specimen("array.npy", array),
    "arrays.npz": Specimen("arrays.npz", arrays),
    "mesh.cgns": Specimen("mesh.cgns", cgns),
    "table.csv": Specimen("table.csv", csv),
    "table.parquet": Specimen("table.parquet", parquet),
    "mesh.vtu": Specimen("mesh.vtu", mesh_file),
    "text.vtu": Specimen("text.vtu", vtu_text),
    "mesh.vtk": Specimen("mesh.vtk", mesh_file),
    "text.vtk": Specimen("text.vtk", vtk_text),
    "mesh.xdmf": Specimen("mesh.xdmf", mesh_file),
    "text.xdmf": Specimen("text.xdmf", xdmf_text),
    "gmsh4.msh": Specimen("gmsh4.msh", gmsh),
    "gmsh2.msh": Specimen("gmsh2.msh", gmsh_2),
    "openfoam": Specimen("cavity", simulations.openfoam, needs="pyvista"),
    "box.case": Specimen("box.0.case", simulations.ensight, needs="pyvista"),
    "text.case": Specimen("prism.case", simulations.ensight_text, needs="pyvista"),
    "surrogate": Specimen("surrogate.safetensors", surrogate, sg.load),
    "journal": Specimen("journal.place", journal, read_journal),
    "checkpoint": Specimen("last.ckpt", checkpoint, read_checkpoint),
}
