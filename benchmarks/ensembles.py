"""Ensembles in shards: time with one and with two workers, and memory as the number of samples grows.

    python benchmarks/ensembles.py            # about ten minutes on two cores that are otherwise idle
    python benchmarks/ensembles.py --quick    # a smoke test

Scaling: the same samples by one and by two worker processes, in turn. "whole" is the time of the call, with the start
and the end of the processes; "solving" counts from the first shard to the last, and stands for long runs. The load of
the machine before each run is printed: other work on the cores spoils the ratio.

Memory: the peak of a process that makes so many samples in one file, above that of making one.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import surrogate as sg

CASE = sg.cases.NavierStokes(resolution=64, viscosity=1e-3, dt=0.5, steps=20)
MEMORY_CASE = sg.cases.Burgers(resolution=256, viscosity=0.05, dt=1e-3, steps=200)  # many bytes for little work


def scale(samples: int, repeats: int) -> None:
    times: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for _ in range(repeats):
        for workers, runs in times.items():
            load = os.getloadavg()[0]
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder, "shards")
                began = time.perf_counter()
                sg.generate(CASE, samples, target, workers=workers, shard_size=4, convergence=False, progress=False)
                whole = time.perf_counter() - began
                written = sorted(file.stat().st_mtime for file in target.glob("shard*.h5"))
            runs.append((whole, (written[-1] - written[0]) * len(written) / (len(written) - workers)))
            print(f"{workers} workers: whole {whole:6.1f} s, solving {runs[-1][1]:6.1f} s, load {load:.2f}")
    for number, name in enumerate(("whole", "solving")):
        one, two = (statistics.median(run[number] for run in times[workers]) for workers in (1, 2))
        print(f"{name}: {one:.1f} s by one worker, {two:.1f} s by two, ratio {one / two:.2f}")


def peak_memory(samples: int) -> int:
    """Return the peak in MB of another process that makes so many samples."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [sys.executable, __file__, "--samples", str(samples), "--path", f"{folder}/whole.h5"]
        return int(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def measure_memory(counts: list[int]) -> None:
    least = peak_memory(1)
    frames = MEMORY_CASE.steps + 1
    for samples in counts:
        size = samples * frames * MEMORY_CASE.resolution * 4 / 2**20
        print(f"{samples:5} samples, {size:6.0f} MB: {peak_memory(samples) - least:5} MB above one sample's")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--samples", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.path is not None:
        sg.generate(MEMORY_CASE, options.samples, options.path, shard_size=64, convergence=False, progress=False)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    print(f"{date.today()}, {platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    scale(16 if options.quick else 160, 1 if options.quick else 3)
    measure_memory([64] if options.quick else [128, 512, 2048])


if __name__ == "__main__":
    main()
