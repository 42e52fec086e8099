"""Bytes per second to convert a file into ours, beside a copy of the same bytes by the system on the same disk.

    python benchmarks/convert.py            # 1 GB in the temporary folder, several times; 2 minutes
    python benchmarks/convert.py --quick    # 20 MB, for a smoke test

Every time ends when the bytes are on the disk (fsync). The source is in the system's cache ("warm"), or was dropped
from it before ("cold"). The copy is `shutil.copyfile` (inside of the kernel), and `cat` (through a process). One
thread, median of three; the order of all is the same in each round.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import xarray as xr

import surrogate as sg
from surrogate.datasets import Grid, save_dataset
from surrogate.datasets.storage.shard_manifest import Manifest, Shard, write_manifest
from surrogate.datasets.storage.whole_files import flush

FRAMES, POINTS = 100, 128


def fields_of(samples: int) -> xr.Dataset:
    values = np.random.default_rng(0).standard_normal((samples, FRAMES, POINTS, POINTS), dtype=np.float32)
    times = xr.Variable("time", np.arange(float(FRAMES)), {"units": "1"})
    coordinates = {**Grid((POINTS, POINTS), periodic=True).coordinates(), "time": times, "sample": np.arange(samples)}
    return xr.Dataset({"u": (("sample", "time", "x", "y"), values, {"units": "1"})}, coordinates)


def write_shards(folder: Path, fields: xr.Dataset, count: int) -> None:
    folder.mkdir()
    shards, each = [], fields.sizes["sample"] // count
    for number in range(count):
        name = f"shard-{number:05d}.h5"
        save_dataset(fields.isel(sample=slice(number * each, (number + 1) * each)), folder / name)
        size = (folder / name).stat().st_size
        shards.append(Shard(name, number * each, each, {"sample": each}, size, "0" * 64, 1.0))
    write_manifest(folder, Manifest({}, fields.sizes["sample"], each, tuple(shards)))


def drop_cache(source: Path) -> None:
    for path in source.rglob("*") if source.is_dir() else [source]:
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    flush(target)


def cat(source: Path, target: Path) -> None:
    with target.open("wb") as file:
        subprocess.run(["cat", source], stdout=file, check=True)
    flush(target)


def convert(source: Path, target: Path) -> None:
    sg.convert(source, target, format="the_well" if target.suffix == ".hdf5" else None, progress=False)


def seconds(run: Callable[[Path, Path], None], source: Path, target: Path, cold: bool) -> float:
    if cold:
        drop_cache(source)
    began = time.perf_counter()
    run(source, target)
    taken = time.perf_counter() - began
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--folder", help="on another disk than the temporary folder")
    options = parser.parse_args()
    samples, repeats = (4, 1) if options.quick else (160, 3)
    print(f"{date.today()}, {platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        ours, shards, well = folder / "a.h5", folder / "shards", folder / "a.hdf5"
        fields = fields_of(samples)
        size = fields["u"].nbytes / 1e9
        save_dataset(fields, ours)
        write_shards(shards, fields, 4)
        del fields
        convert(ours, well)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tasks = {
            "shutil.copyfile": (copy, ours, folder / "b.h5"),
            "cat": (cat, ours, folder / "b.h5"),
            "ours to ours": (convert, ours, folder / "b.h5"),
            "shards to ours": (convert, shards, folder / "b.h5"),
            "The Well to ours": (convert, well, folder / "b.h5"),
            "ours to The Well": (convert, ours, folder / "b.hdf5"),
            "ours to Zarr": (convert, ours, folder / "b.zarr"),
        }
        print("cache | task             | s     | GB/s | of the slower copy, of the faster")
        for cold in (False, True):
            times: dict[str, list[float]] = {task: [] for task in tasks}
            for _ in range(repeats):
                for task, arguments in tasks.items():
                    times[task].append(seconds(*arguments, cold))
            medians = {task: statistics.median(taken) for task, taken in times.items()}
            slow, fast = sorted((medians["shutil.copyfile"], medians["cat"]), reverse=True)
            for task, taken in medians.items():
                shares = f"{slow / taken:5.0%}, {fast / taken:5.0%}"
                print(f"{'cold' if cold else 'warm'}  | {task:16} | {taken:5.2f} | {size / taken:4.2f} | {shares}")
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
        print(f"memory beyond that of the {1e3 * size:.0f} MB that were made here: {grown:.0f} MB")


if __name__ == "__main__":
    main()
