"""Seconds and memory to open a dataset that is larger than memory: one file of 100 GB, and a directory of 1,000 shards.

    python benchmarks/opening.py            # sparse files: they take a few MB of the disk; half a minute
    python benchmarks/opening.py --quick    # 1 GB and 10 shards, for a smoke test

Each is opened in a process of its own, which has opened a small file before, so that all is imported. Memory is how
much the largest resident set grew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from surrogate.datasets import Grid, save_dataset
from surrogate.datasets.storage.hdf5_variables import add_room
from surrogate.datasets.storage.shard_manifest import Manifest, Shard, write_manifest

OPEN = """
import json, resource, sys, time
from surrogate.datasets import open_dataset, prepare
open_dataset(sys.argv[1])
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
fields = open_dataset(sys.argv[2])
opened = time.perf_counter() - began
data = prepare(fields, inputs=["u"], outputs=["u"])
print(json.dumps({
    "GB": fields["u"].nbytes / 1e9, "open": opened, "prepare": time.perf_counter() - began - opened,
    "MB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3,
}))
"""
ORIGIN = {"case": "{}", "seed": 0}  # samples are told apart by their numbers, as in data that we have made


def fields_of(samples: int, frames: int, points: int, numbers: np.ndarray) -> xr.Dataset:
    """Return fields without values."""
    nothing = np.broadcast_to(np.float32(0), (samples, frames, points, points))
    coordinates = Grid((points, points), periodic=True).coordinates()
    coordinates["time"] = xr.Variable("time", np.arange(float(frames)), {"units": "1"})
    coordinates["sample"] = xr.Variable("sample", numbers)
    return xr.Dataset({"u": (("sample", "time", "x", "y"), nothing, {"units": "1"})}, coordinates, ORIGIN)


def write_sparse(path: Path, fields: xr.Dataset) -> None:
    fields.drop_vars("u").to_netcdf(path, engine="h5netcdf")
    add_room(path, {"u": fields["u"].variable})
    with h5py.File(path, "r+") as file:
        file["u"][-1, -1] = 1


def write_shards(folder: Path, count: int, samples: int, frames: int, points: int) -> None:
    folder.mkdir()
    shards = []
    for number in range(count):
        name = f"shard-{number:05d}.h5"
        if number:
            os.link(folder / shards[0].name, folder / name)
        else:
            write_sparse(folder / name, fields_of(samples, frames, points, np.arange(samples)))
        size = (folder / name).stat().st_size
        shards.append(Shard(name, number * samples, samples, {"sample": samples}, size, "0" * 64, 1.0))
    write_manifest(folder, Manifest(ORIGIN, count * samples, samples, tuple(shards)))


def measured(small: Path, path: Path) -> dict[str, Any]:
    answer = subprocess.run([sys.executable, "-c", OPEN, small, path], check=True, capture_output=True, text=True)
    return dict(json.loads(answer.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    quick = parser.parse_args().quick
    samples, shards = (160, 10) if quick else (16_000, 1_000)
    print(f"{date.today()}, {platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f}")
    print("dataset                | GB     | open (s) | prepare (s) | memory (MB)")
    with tempfile.TemporaryDirectory() as folder:
        small, one, many = Path(folder) / "small.h5", Path(folder) / "one.h5", Path(folder) / "shards"
        save_dataset(fields_of(20, 2, 8, np.arange(20)), small)
        write_sparse(one, fields_of(samples, 100, 128, np.arange(samples)))
        write_shards(many, shards, samples // shards, 100, 128)
        for name, path in (("one file", one), (f"{shards} shards", many)):
            runs = [measured(small, path) for _ in range(3)]
            found = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            print(
                f"{name:22} | {found['GB']:6.1f} | {found['open']:8.3f} | {found['prepare']:11.3f} | {found['MB']:6.1f}"
            )


if __name__ == "__main__":
    main()
