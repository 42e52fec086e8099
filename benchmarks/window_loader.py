"""GB per second to draw every training window once from files, beside bare h5py that makes the same batches.

    python benchmarks/window_loader.py            # files of 0.4 GB in the temporary folder; 5 minutes
    python benchmarks/window_loader.py --quick    # of 10 MB, for a smoke test

"File", "shards": windows that are read for each batch, as those of data larger than memory are, from one file and from
eight; h5py reads what follows each other in one call. "Held": windows in memory; the first epoch reads the file and
iterates over all batches, the second finds them there; h5py fills one array, of which it takes the batches. All read
the same samples. One frame in and one out, so that shuffled batches hold twice the bytes of the file. In every round
the windows are new, and look at each value for the first time. One thread, float32.

"Warm": the files are in the system's cache; windows and h5py take turns batch by batch, and of each batch the fastest
of all rounds counts, as whatever else runs can only slow down. "Cold": the cache was dropped before; whole epochs in
turn, and their medians, as the system reads ahead of the batches.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

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
Batches = Iterator[tuple[Any, Any]]
Run = tuple[int, int, int]  # windows that follow each other: sample, first frame, how many


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
    coordinates = {**Grid(shape[2:], periodic=True).coordinates(), "time": times, "sample": np.arange(shape[0])}
    save_dataset(xr.Dataset(variables, coordinates), path)


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


class Bare:
    """The samples of windows, read by bare h5py."""

    def __init__(self, path: Path, names: list[str], part: xr.Dataset) -> None:
        self.paths = sorted(path.glob("*.h5")) if path.is_dir() else [path]
        self.names, self.samples, self.frames = names, part["sample"].values, part.sizes["time"]
        self.frame = part[names[0]].shape[2:]

    def sources(self) -> list[list[tuple[h5py.Dataset, int]]]:
        """Return the fields of each sample, and its place in them."""
        files = [h5py.File(path) for path in self.paths]
        each = len(files[0][self.names[0]])
        return [[(files[n // each][name], n % each) for name in self.names] for n in self.samples.tolist()]

    def read(self, order: list[int]) -> Batches:
        sources = self.sources()
        for runs in self.runs(order):
            rows = np.empty((sum(count + 1 for *_, count in runs), len(self.names), *self.frame), np.float32)
            end = 0
            for sample, first, count in runs:
                for channel, (field, own) in enumerate(sources[sample]):
                    rows[end : end + count + 1, channel] = field[own, first : first + count + 1]
                end += count + 1
            yield cut(rows, [count for *_, count in runs])

    def hold(self, order: list[int]) -> Batches:
        values = np.empty((len(self.samples), self.frames, len(self.names), *self.frame), np.float32)
        for sample, fields in zip(values, self.sources(), strict=True):
            for channel, (field, own) in enumerate(fields):
                if len(fields) == 1:
                    field.read_direct(sample[:, channel], np.s_[own])
                else:
                    sample[:, channel] = field[own]
        rows = values.reshape(-1, *values.shape[2:])
        for runs in self.runs(order):
            if len(runs) == 1:
                sample, begin, count = runs[0]
                first = sample * self.frames + begin
                yield cut(rows[first : first + count + 1], [count])
            else:
                chosen = np.concatenate([np.arange(n) + sample * self.frames + begin for sample, begin, n in runs])
                yield rows[chosen], rows[chosen + 1]

    def runs(self, order: list[int]) -> Iterator[list[Run]]:
        """Give those of each batch."""
        for first in range(0, len(order), BATCH):
            runs: list[Run] = []
            for sample, start in (divmod(number, self.frames - 1) for number in order[first : first + BATCH]):
                if runs and runs[-1][0] == sample and sum(runs[-1][1:]) == start:
                    runs[-1] = (*runs[-1][:2], runs[-1][2] + 1)
                else:
                    runs.append((sample, start, 1))
            yield runs


def cut(rows: np.ndarray, counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the first frames of windows and those after them, as views where they are evenly spaced."""
    if len(counts) == 1:
        return rows[:-1], rows[1:]
    if set(counts) == {1}:
        return rows[::2], rows[1::2]
    runs = np.split(rows, np.cumsum([count + 1 for count in counts])[:-1])
    return np.concatenate([run[:-1] for run in runs]), np.concatenate([run[1:] for run in runs])


def drawn(make: Callable[[], Windows], order: list[int]) -> Batches:
    for batch in DataLoader(make(), batch_size=BATCH, sampler=order, collate_fn=dict):
        yield batch["x"], batch["y"]


def timed(batches: Batches) -> Iterator[float]:
    """Give the seconds that each batch takes."""
    began = time.perf_counter()
    for _ in batches:
        yield time.perf_counter() - began
        began = time.perf_counter()


def warm(tasks: list[Callable[[], Batches]], repeats: int) -> list[float]:
    """Return the seconds of each task."""
    rounds = [list(zip(*(timed(task()) for task in tasks), strict=True)) for _ in range(repeats)]
    return np.min(rounds, axis=0).sum(axis=0).tolist()


def cold(tasks: list[Callable[[], Batches]], source: Path, repeats: int) -> list[float]:
    """Return the seconds of each task."""
    rounds = []
    for _ in range(repeats):
        rounds.append([])
        for task in tasks:
            drop_cache(source)
            rounds[-1].append(sum(timed(task())))
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def drop_cache(path: Path) -> None:
    for file in path.iterdir() if path.is_dir() else [path]:
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def refuse_other(first: Batches, second: Batches) -> None:
    for one, other in zip(first, second, strict=True):
        assert all(np.array_equal(values, others) for values, others in zip(one, other, strict=True))


def training_part(path: Path, names: list[str]) -> tuple[xr.Dataset, Signature]:
    data = prepare(open_dataset(path), inputs=names, outputs=names)
    return data["train"].to_dataset(), Signature.from_data(data)


def measure(path: Path, shards: Path, names: list[str], shuffled: bool, repeats: int) -> None:
    (one, signature), (many, _) = training_part(path, names), training_part(shards, names)
    held = Windows(one, signature)
    order = list(EpochShuffle(len(held), seed=0)) if shuffled else list(range(len(held)))
    makes = [
        (path, Bare(path, names, one).read, lambda: Windows(one, signature, in_memory=False)),
        (shards, Bare(shards, names, many).read, lambda: Windows(many, signature, in_memory=False)),
        (path, Bare(path, names, one).hold, lambda: Windows(one, signature)),
    ]
    size = sum(one[name].nbytes for name in names) / 1e9
    for is_cold in (True, False):
        cells = []
        for source, bare, make in makes:
            tasks = [lambda bare=bare: bare(order), lambda make=make: drawn(make, order)]
            refuse_other(*(task() for task in tasks))
            taken = cold(tasks, source, repeats) if is_cold else warm(tasks, repeats)
            cells.append(f"{size / taken[0]:5.2f}, {size / taken[1]:5.2f}: {taken[0] / taken[1]:4.0%}")
        (again,) = warm([lambda: drawn(lambda: held, order)], repeats)
        kind = f"{len(names)} | {'cold' if is_cold else 'warm'} | {'shuffled' if shuffled else 'in order':8}"
        print(f"{kind} | {' | '.join(cells)} | {size / again:5.1f}", flush=True)


def fill_rates(size: int) -> tuple[float, float]:
    """Return the GB/s at which memory that the process has just received is filled, and filled again."""
    memory = np.empty(size, dtype=np.uint8)
    first, second = (next(timed(fill(memory))) for _ in range(2))
    return 1e-9 * size / first, 1e-9 * size / second


def fill(memory: np.ndarray) -> Iterator[None]:
    memory.fill(1)
    yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    sizes = Sizes(8, 20, 128, 1) if parser.parse_args().quick else Sizes(64, 100, 128, 9)
    torch.set_num_threads(1)
    versions = f"torch {torch.__version__}, h5py {h5py.__version__}, h5netcdf {h5netcdf.__version__}"
    print(f"{date.today()}, {platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f}, {versions}")
    fresh, again = fill_rates(4 * sizes.samples * sizes.frames * sizes.points**2)
    print(f"fresh memory is filled at {fresh:.2f} GB/s, again at {again:.2f}: the first epoch holds what it has read")
    print("GB of the file per second: h5py, windows: share")
    print("fields | cache | order | file | shards | held, first epoch | second epoch")
    with tempfile.TemporaryDirectory() as folder:
        for names in (["u"], ["u", "v"]):
            path, shards = Path(folder) / f"{len(names)}.h5", Path(folder) / f"{len(names)}"
            write(path, names, sizes)
            write_shards(shards, path)
            for shuffled in (False, True):
                measure(path, shards, names, shuffled, sizes.repeats)
            path.unlink()
            shutil.rmtree(shards)


if __name__ == "__main__":
    main()
