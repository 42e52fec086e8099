"""Small jobs that take about a second, and what is in their files."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import lightning  # noqa: F401  # here, so that no job has to
import matplotlib.backends.backend_agg  # noqa: F401
import numpy as np
import safetensors
import torch
import xarray as xr

import surrogate as sg
import surrogate.journal
import surrogate.march

CASE = sg.cases.Burgers(64, viscosity=0.05, dt=0.1, steps=5)
FIT = sg.fit  # loads the rest of what trains
SECONDS = ("generation_seconds", "training_seconds", "last_session_seconds", "seconds", "command")


def generate(folder: Path) -> None:
    path = folder / "data.h5"
    if not path.exists():  # killed right after it was done: another call would be refused
        sg.generate(CASE, 192, path, shard_size=32, batch_size=16, progress=False)


def shards(folder: Path) -> None:
    sg.generate(CASE, 192, folder / "shards", shard_size=32, batch_size=16, progress=False)


def workers(folder: Path) -> None:
    """The same in two processes of Dask."""
    sg.generate(CASE, 192, folder / "shards", shard_size=32, batch_size=16, workers=2, progress=False)


def train(folder: Path) -> None:
    data = sg.generate(CASE, 12, progress=False)
    parts = sg.prepare(data, inputs=["u"], outputs=["u"], split=(8, 2, 2))
    torch.manual_seed(0)
    network = sg.models.FNO.for_data(parts, hidden_channels=4, n_layers=2, n_modes=8)
    options = {"averaging": sg.EMA(0.9), "check": False, "trainer": {"accelerator": "cpu"}}
    FIT(network, parts, path=folder / "run", epochs=6, batch_size=8, **options)


def rollout(folder: Path) -> None:
    """A journal entry every few milliseconds, so that most kills find one."""
    surrogate.journal.INTERVAL, surrogate.march.CHUNK_FRAMES = 0.02, 4
    path = folder / "rollout.h5"
    if not path.exists():
        start = sg.generate(CASE, 6, progress=False).isel(time=0)
        sg.rollout(CASE.solver(), start, steps=40, batch_size=2, path=path, progress=False)


JOBS = {"generate": generate, "shards": shards, "workers": workers, "train": train, "rollout": rollout}


def contents(folder: Path) -> dict[str, str]:
    """Return a hash of each thing in a folder, without the seconds and what a kill leaves hidden: empty locks."""
    found: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")):
        name = str(path.relative_to(folder))
        parts = READERS[path.suffix](path) if path.suffix in READERS else {"": path.read_bytes()}
        found |= {f"{name} {part}": hashlib.sha256(content).hexdigest() for part, content in parts.items()}
    return found


def _fields(path: Path) -> dict[str, bytes]:
    with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as fields:
        found = {"attributes": _words(fields.attrs)}
        for name, variable in fields.variables.items():
            words = _words({**variable.attrs, "dims": variable.dims, "dtype": str(variable.dtype)})
            found[str(name)] = words + np.ascontiguousarray(variable.values).tobytes()
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
    """The state of the trainer holds clocks; the weights in it do not."""
    weights = torch.load(path, weights_only=True)["state_dict"]
    return {name: value.numpy().tobytes() for name, value in weights.items() if isinstance(value, torch.Tensor)}


def _words(values: dict[str, object]) -> bytes:
    kept = {str(name): str(value) for name, value in values.items() if name not in SECONDS}
    return json.dumps(kept, sort_keys=True).encode()


READERS = {".h5": _fields, ".safetensors": _weights, ".csv": _log, ".ckpt": _state}
