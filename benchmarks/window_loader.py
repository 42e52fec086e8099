"""Seconds to draw every training window once from a file, beside a bare h5py read of the same bytes.

    python benchmarks/window_loader.py            # files of 0.8 GB in the temporary folder; 3 minutes
    python benchmarks/window_loader.py --quick    # of 10 MB, for a smoke test

The first epoch reads the file and iterates over all batches, the second finds the data in memory. One frame in and one
out, so that shuffled batches, which are copies, hold twice the bytes of the file. "Cold": the system's cache of it was
dropped before. One thread, float32.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import h5netcdf
import h5py
import numpy as np
import torch
import xarray as xr
from torch.utils.data import DataLoader, SequentialSampler

from surrogate.datasets import Grid, Signature, Windows, open_dataset, prepare, save_dataset
from surrogate.training.shuffle import EpochShuffle

BATCH = 16


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


def drop_cache(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def bare(path: Path, names: list[str], count: int) -> None:
    with h5py.File(path) as file:
        for name in names:
            file[name][:count]


def epoch(windows: Windows, shuffled: bool) -> None:
    sampler = EpochShuffle(len(windows), seed=0) if shuffled else SequentialSampler(windows)
    for _ in DataLoader(windows, batch_size=BATCH, sampler=sampler, collate_fn=dict):
        pass


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def measure(path: Path, names: list[str], cold: bool, shuffled: bool, repeats: int) -> None:
    data = prepare(open_dataset(path), inputs=names, outputs=names)
    signature, training = Signature.from_data(data), data["train"].to_dataset()
    times = []
    for _ in range(repeats):
        if cold:
            drop_cache(path)
        read = seconds(lambda: bare(path, names, training.sizes["sample"]))
        unread = training.isel(sample=slice(None))  # without the values that xarray keeps
        if cold:
            drop_cache(path)
        first = seconds(lambda unread=unread: epoch(Windows(unread, signature), shuffled))
        windows = Windows(unread, signature)
        times.append((read, first, seconds(lambda windows=windows: epoch(windows, shuffled))))
    size = sum(training[name].nbytes for name in names) / 1e9
    read, first, second = (statistics.median(column) for column in zip(*times, strict=True))
    kind = f"{len(names)} | {'cold' if cold else 'warm'} | {'shuffled' if shuffled else 'in order':8}"
    print(
        f"{kind} | {size:4.2f} | {size / read:9.2f} | {size / first:9.2f} | {size / second:9.2f} | {read / first:5.0%}"
    )


def fill_rates(size: int) -> tuple[float, float]:
    """Return the GB/s at which memory that the process has just received is filled, and filled again."""
    memory = np.empty(size, dtype=np.uint8)
    first, second = (seconds(lambda: memory.fill(1)) for _ in range(2))
    return 1e-9 * size / first, 1e-9 * size / second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    sizes = Sizes(8, 20, 128, 1) if parser.parse_args().quick else Sizes(128, 100, 128, 3)
    torch.set_num_threads(1)
    versions = f"torch {torch.__version__}, h5py {h5py.__version__}, h5netcdf {h5netcdf.__version__}"
    print(f"{date.today()}, {platform.processor() or platform.machine()}, {versions}")
    fresh, again = fill_rates(4 * sizes.samples * sizes.frames * sizes.points**2)
    print(
        f"fresh memory is filled at {fresh:.2f} GB/s, again at {again:.2f} GB/s: the first epoch holds what it has read"
    )
    print("GB of the file per second; last the first epoch against h5py")
    print("fields | cache | order | GB | h5py | 1st epoch | 2nd epoch  | 1st / h5py")
    with tempfile.TemporaryDirectory() as folder:
        for names in (["u"], ["u", "v"]):
            path = Path(folder) / f"{len(names)}.h5"
            write(path, names, sizes)
            for cold in (True, False):
                for shuffled in (False, True):
                    measure(path, names, cold, shuffled, sizes.repeats)
            path.unlink()


if __name__ == "__main__":
    main()
