"""Small jobs that take about a second, and what is in their files."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import time
from pathlib import Path

import h5py
import lightning  # noqa: F401  # here, so that no job has to
import matplotlib.backends.backend_agg  # noqa: F401
import numpy as np
import safetensors
import torch
import xarray as xr
from processes import DONE, Child, Job
from specimens import surrogate as surrogate_file

import surrogate as sg
import surrogate.journal
import surrogate.march

CASE = sg.cases.Burgers(64, viscosity=0.05, dt=0.1, steps=5)
FIT = sg.fit  # loads the rest of what trains
REFERENCES = ("DIMENSION_LIST", "REFERENCE_LIST")
SECONDS = ("generation_seconds", "training_seconds", "last_session_seconds", "seconds", "command")


def once(name: str, write: Job) -> Job:
    """Return the job that writes a file of this name if it does not exist: another call would be refused."""

    def job(folder: Path) -> None:
        path = folder / name
        if not path.exists():
            write(path)

    return job


def generate(path: Path) -> None:
    sg.generate(CASE, 192, path, shard_size=32, batch_size=16, progress=False)


def shards(folder: Path) -> None:
    sg.generate(CASE, 192, folder / "shards", shard_size=32, batch_size=16, progress=False)


def workers(folder: Path) -> None:
    """Do the same in two processes of Dask."""
    sg.generate(CASE, 192, folder / "shards", shard_size=32, batch_size=16, workers=2, progress=False)


@functools.cache
def on_mesh() -> xr.Dataset:
    nodes = np.stack(np.meshgrid(np.arange(30.0), np.arange(20.0), indexing="ij"), -1).reshape(-1, 2)
    corners = np.arange(600).reshape(30, 20)
    cells = np.stack([corners[:-1, :-1], corners[1:, :-1], corners[1:, 1:], corners[:-1, 1:]], -1).reshape(-1, 4)
    values = np.random.default_rng(0).normal(size=(1, 8, 600))
    variables = {"u": (("sample", "time", "node"), values, {"units": "1", "mesh": "mesh", "location": "node"})}
    time_axis = xr.Variable("time", np.arange(8.0), {"units": "s"})
    return xr.Dataset(variables, coords={**sg.Mesh(nodes, cells, cell_dim=2).coordinates(), "time": time_axis})


def train(folder: Path) -> None:
    data = sg.generate(CASE, 12, progress=False)
    parts = sg.prepare(data, inputs=["u"], outputs=["u"], split=(8, 2, 2))
    torch.manual_seed(0)
    network = sg.models.FNO.for_data(parts, hidden_channels=4, n_layers=2, n_modes=8)
    options = {"averaging": sg.EMA(0.9), "check": False, "trainer": {"accelerator": "cpu"}}
    FIT(network, parts, path=folder / "run", epochs=6, batch_size=8, **options)


def rollout(path: Path) -> None:
    """Write a journal entry every few milliseconds, so that most kills find one."""
    surrogate.journal.INTERVAL, surrogate.march.CHUNK_FRAMES = 0.02, 4
    start = sg.generate(CASE, 6, progress=False).isel(time=0)
    sg.rollout(CASE.solver(), start, steps=40, batch_size=2, path=path, progress=False)


def save(path: Path) -> None:
    sg.save_dataset(on_mesh(), path)


def save_mesh(path: Path) -> None:
    sg.datasets.save_mesh(on_mesh().isel(time=0), path)


def convert(path: Path) -> None:
    sg.convert(path.parents[1] / "source.h5", path, progress=False)


def save_surrogate(path: Path) -> None:
    sg.load(path.parents[1] / "source.safetensors").save(path)


def write_sources(folder: Path) -> None:
    """Write what the last two jobs read."""
    save(folder / "source.h5")
    surrogate_file(folder / "source.safetensors")


#: Jobs that take up again what was done.
LONG: dict[str, Job] = {
    "generate": once("data.h5", generate),
    "shards": shards,
    "workers": workers,
    "train": train,
    "rollout": once("rollout.h5", rollout),
}
JOBS: dict[str, Job] = {
    **LONG,
    **{f"save {suffix}": once(f"fields{suffix}", save) for suffix in (".h5", ".zarr", ".xdmf", ".pvd")},
    **{f"save_mesh {suffix}": once(f"mesh{suffix}", save_mesh) for suffix in (".vtu", ".xdmf")},
    **{f"convert {suffix}": once(f"copy{suffix}", convert) for suffix in (".h5", ".zarr")},
    "save surrogate": once("copy.safetensors", save_surrogate),
}


def undisturbed(job: Job, folder: Path) -> tuple[float, dict[str, str]]:
    """Return the seconds that the job takes and what it makes, which must be the same twice."""
    write_sources(folder)
    for attempt in ("first", "second"):
        (folder / attempt).mkdir()
        began = time.monotonic()
        child = Child(job, folder / attempt)
        child.ends_within()
        seconds = time.monotonic() - began
        if child.status != DONE:
            raise RuntimeError(f"the job ended with {child.status}: {child.words.read_text()}")
    wanted = contents(folder / "first")
    other = differing(contents(folder / "second"), wanted)
    if other:
        raise RuntimeError(f"the job itself does not repeat its bits: {other}")
    return seconds, wanted


def differing(found: dict[str, str], wanted: dict[str, str]) -> list[str]:
    return sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))


def contents(folder: Path) -> dict[str, str]:
    """Return a hash of each thing in a folder, without the seconds and what a kill leaves hidden: empty locks."""
    found: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")):
        name = str(path.relative_to(folder))
        parts = READERS[path.suffix](path) if path.suffix in READERS else {"": path.read_bytes()}
        found |= {f"{name} {part}": hashlib.sha256(content).hexdigest() for part, content in parts.items()}
    return found


def _arrays(path: Path) -> dict[str, bytes]:
    """Return all datasets of an HDF5 file, and the attributes of all its objects but for references."""
    found: dict[str, bytes] = {}

    def look(name: str, thing: h5py.Group | h5py.Dataset) -> None:
        found[f"{name} attributes"] = _words({k: v for k, v in thing.attrs.items() if k not in REFERENCES})
        if isinstance(thing, h5py.Dataset) and thing.shape is not None:
            values = np.asarray(thing[()])
            plain = values.astype(str) if values.dtype.kind == "O" else values  # not their addresses
            found[name] = f"{thing.shape} {thing.dtype}".encode() + plain.tobytes()

    with h5py.File(path) as file:
        look("/", file)
        file.visititems(look)
    return found


def _weights(path: Path) -> dict[str, bytes]:
    with safetensors.safe_open(path, framework="pt") as file:
        found = {name: file.get_tensor(name).contiguous().numpy().tobytes() for name in file.keys()}  # noqa: SIM118
        manifest = json.loads(file.metadata()["manifest"])
    manifest["record"] = {name: value for name, value in manifest["record"].items() if name not in SECONDS}
    return {**found, "manifest": json.dumps(manifest, sort_keys=True).encode()}


def _log(path: Path) -> dict[str, bytes]:
    with path.open(newline="") as file:
        rows = [{name: value for name, value in row.items() if name not in SECONDS} for row in csv.DictReader(file)]
    return {"rows": json.dumps(rows).encode()}


def _state(path: Path) -> dict[str, bytes]:
    """Return the weights: the rest of the state holds clocks."""
    weights = torch.load(path, weights_only=True)["state_dict"]
    return {name: value.numpy().tobytes() for name, value in weights.items() if isinstance(value, torch.Tensor)}


def _json(path: Path) -> dict[str, bytes]:
    def plain(entry: object) -> object:
        if isinstance(entry, dict):
            return {key: plain(value) for key, value in entry.items() if key not in SECONDS}
        return [plain(part) for part in entry] if isinstance(entry, list) else entry

    return {"content": json.dumps(plain(json.loads(path.read_text()))).encode()}


def _words(values: dict[str, object]) -> bytes:
    kept = {str(name): str(value) for name, value in values.items() if name not in SECONDS}
    return json.dumps(kept, sort_keys=True).encode()


READERS = {".h5": _arrays, ".safetensors": _weights, ".csv": _log, ".ckpt": _state, ".json": _json}
