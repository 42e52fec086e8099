"""GB per second to draw every training window once from files, beside bare h5py reads of the same bytes.

    python benchmarks/window_loader.py            # files of 0.4 GB in the temporary folder; 3 minutes
    python benchmarks/window_loader.py --quick    # of 10 MB, for a smoke test

"held": windows in memory; the first epoch reads the file and iterates over all batches, the second finds them there.
"file", "shards": windows that are read for each batch, as those of data larger than memory are, from one file and from
eight. "whole": h5py reads each field in one call. "batches": h5py fills arrays with the windows of each batch; those
that follow each other in one call. One frame in and one out, so that shuffled batches hold twice the bytes of the file.
"Cold": the system's cache was dropped before. One thread, float32; the fastest of five rounds over all of a row, as
whatever else runs can only slow down.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import h5netcdf
import h5py
import numpy as np
import torch
import xarray as xr
from torch.utils.data import DataLoader

from surrogate.datasets import Grid, Signature, Windows, open_dataset, prepare, save_dataset
from surrogate.datasets.storage.shard_manifest import Manifest, Shard, write_manifest
from surrogate.training.shuffle import EpochShuffle

BATCH, SHARDS = 16, 8


class Sizes(NamedTuple):
    samples: int
    frames: int
    points: int
    repeats: int


def write(path: Path, names: list[str], sizes: Sizes) -> None:
    rng = np.random.default_rng(0)
    shape = (sizes.samples, sizes.frames // len(names), sizes.points, sizes.points)
    variables = {
        name: (("sample", "time", "x", "y"), rng.standard_normal(shape, dtype=np.float32), {"units": "1"})
        for name in names
    }
    times = xr.Variable("time", np.arange(float(shape[1])), {"units": "1"})
    coordinates = Grid(shape[2:], periodic=True).coordinates()
    save_dataset(xr.Dataset(variables, coords={**coordinates, "time": times}), path)


def write_shards(folder: Path, path: Path) -> None:
    folder.mkdir()
    fields = open_dataset(path)
    shards, each = [], fields.sizes["sample"] // SHARDS
    for number in range(SHARDS):
        name = f"shard-{number:05d}.h5"
        save_dataset(fields.isel(sample=slice(number * each, (number + 1) * each)), folder / name)
        size = (folder / name).stat().st_size
        shards.append(Shard(name, number * each, each, {"sample": each}, size, "0" * 64, 1.0))
    write_manifest(folder, Manifest({}, each * SHARDS, each, tuple(shards)))


def drop_cache(path: Path) -> None:
    for file in path.iterdir() if path.is_dir() else [path]:
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def whole(path: Path, names: list[str], count: int) -> None:
    with h5py.File(path) as file:
        for name in names:
            file[name][:count]


def batches(path: Path, names: list[str], windows: int, per_sample: int, shuffled: bool) -> None:
    order = list(sampler(windows, shuffled))
    with h5py.File(path) as file:
        fields = [file[name] for name in names]
        frame = fields[0].shape[2:]
        for first in range(0, windows, BATCH):
            chosen = [divmod(number, per_sample) for number in order[first : first + BATCH]]
            runs = chosen if shuffled else [next(pairs) for _, pairs in groupby(chosen, key=lambda pair: pair[0])]
            frames = 2 if shuffled else BATCH + 1
            batch = np.empty((len(runs), len(names), frames, *frame), np.float32)
            for values, (sample, start) in zip(batch, runs, strict=True):
                for channel, field in zip(values, fields, strict=True):
                    part = field[sample, start : start + frames]
                    channel[: len(part)] = part


def sampler(windows: int, shuffled: bool) -> Iterable[int]:
    return EpochShuffle(windows, seed=0) if shuffled else range(windows)


def epoch(windows: Windows, shuffled: bool) -> None:
    for _ in DataLoader(windows, batch_size=BATCH, sampler=sampler(len(windows), shuffled), collate_fn=dict):
        pass


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def training_part(path: Path, names: list[str]) -> tuple[xr.Dataset, Signature]:
    data = prepare(open_dataset(path), inputs=names, outputs=names)
    return data["train"].to_dataset(), Signature.from_data(data)


def measure(path: Path, shards: Path, names: list[str], cold: bool, shuffled: bool, repeats: int) -> None:
    (one, signature), (many, _) = training_part(path, names), training_part(shards, names)
    count = len(Windows(one, signature, in_memory=False))
    samples, per_sample = one.sizes["sample"], count // one.sizes["sample"]
    held: list[Windows] = []
    tasks = {
        "whole": (path, lambda: whole(path, names, samples)),
        "batches": (path, lambda: batches(path, names, count, per_sample, shuffled)),
        "file": (path, lambda: epoch(Windows(one, signature, in_memory=False), shuffled)),
        "shards": (shards, lambda: epoch(Windows(many, signature, in_memory=False), shuffled)),
        "first": (path, lambda: epoch(held.append(Windows(one, signature)) or held[-1], shuffled)),
        "second": (path, lambda: epoch(held.pop(), shuffled)),
    }
    times: dict[str, list[float]] = {task: [] for task in tasks}
    for _ in range(repeats):
        for task, (source, run) in tasks.items():
            if cold and task != "second":
                drop_cache(source)
            times[task].append(seconds(run))
    taken = {task: min(column) for task, column in times.items()}
    size = sum(one[name].nbytes for name in names) / 1e9
    rates = " | ".join(f"{size / taken[task]:7.2f}" for task in tasks)
    shares = (taken["batches"] / taken["file"], taken["batches"] / taken["shards"], taken["whole"] / taken["first"])
    kind = f"{len(names)} | {'cold' if cold else 'warm'} | {'shuffled' if shuffled else 'in order':8}"
    print(f"{kind} | {rates} | {' '.join(f'{share:5.0%}' for share in shares)}", flush=True)


def fill_rates(size: int) -> tuple[float, float]:
    """Return the GB/s at which memory that the process has just received is filled, and filled again."""
    memory = np.empty(size, dtype=np.uint8)
    first, second = (seconds(lambda: memory.fill(1)) for _ in range(2))
    return 1e-9 * size / first, 1e-9 * size / second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    sizes = Sizes(8, 20, 128, 1) if parser.parse_args().quick else Sizes(64, 100, 128, 5)
    torch.set_num_threads(1)
    versions = f"torch {torch.__version__}, h5py {h5py.__version__}, h5netcdf {h5netcdf.__version__}"
    print(f"{date.today()}, {platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f}, {versions}")
    fresh, again = fill_rates(4 * sizes.samples * sizes.frames * sizes.points**2)
    print(f"fresh memory is filled at {fresh:.2f} GB/s, again at {again:.2f}: the first epoch holds what it has read")
    print("GB of the file per second; last: file and shards over batches, first over whole")
    print("fields | cache | order | whole | batches | file | shards | held: first | second | shares")
    with tempfile.TemporaryDirectory() as folder:
        for names in (["u"], ["u", "v"]):
            path, shards = Path(folder) / f"{len(names)}.h5", Path(folder) / f"{len(names)}"
            write(path, names, sizes)
            write_shards(shards, path)
            for cold in (True, False):
                for shuffled in (False, True):
                    measure(path, shards, names, cold, shuffled, sizes.repeats)
            path.unlink()
            shutil.rmtree(shards)


if __name__ == "__main__":
    main()
