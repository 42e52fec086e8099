"""Read damaged and hostile files: each opens or is refused in one line, and nothing else happens.

    python benchmarks/reliability/mutate.py                          # 10,000 files for each reader; hours
    python benchmarks/reliability/mutate.py --count 100 --only ours.h5 zip.pt
    python benchmarks/reliability/mutate.py --only ours.h5 --first 4711 --count 1 --keep wrong.h5

A small file is written by the tools of its format and changed: cut, bits turned over, ranges zeroed or swapped,
extreme numbers put where sizes are, shapes, types and attributes changed by the HDF5 library, code hidden in pickles,
references led out of the folder. File number n of a reader depends on the seed and n only. Forbidden are: any exception
but `InputError`, one of several lines or without the file's name, a hang (10 s), more than 256 MB of memory or an
attempt at it, a crash, output, code that runs, and reading outside of the folder. The exit code is 1 if any of these
happened.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import h5py
import hostile
import torch
from children import OPENED, REFUSED, Outcome, outcomes
from hdf5_mutations import alter
from mutations import damaged
from specimens import SPECIMENS, Specimen


class Harmed(Exception):
    """A file did what none may do."""


class Trial:
    """One reader, its whole file, and the changes to it."""

    def __init__(self, specimen: Specimen, folder: Path, seed: int) -> None:
        self._specimen, self._seed = specimen, seed
        self._whole, self._place = folder / "whole", folder / "place"
        self._canary, self._outside = folder / "canary", folder / "outside"
        self._whole.mkdir()
        self._outside.mkdir()
        self.path = self._place / specimen.name
        specimen.write(self._whole / specimen.name)
        self._is_hdf5 = any(h5py.is_hdf5(file) for file in self._files(self._whole))

    def read_whole(self) -> None:
        """Read the file as it was written, which must succeed."""
        self._restore()
        self._specimen.read(self.path)

    def change(self, number: int) -> None:
        """Put a changed file at `path`."""
        for file in self._outside.iterdir():
            file.unlink()
        self._change(random.Random(f"{self._seed} {self._specimen.name} {number}"))
        for file in self._files(self._place):
            os.utime(file, (number, number))  # clocks are too coarse to tell it from the last one
        for file in self._outside.iterdir():
            set_unread(file)

    def attempt(self, number: int) -> None:
        """Read the file."""
        try:
            self._specimen.read(self.path)
        finally:
            if self._canary.exists():
                self._canary.unlink()
                raise Harmed("code was run")
            if any(was_read(file) for file in self._outside.iterdir()):
                raise Harmed("a file elsewhere was read")

    def _change(self, dice: random.Random) -> None:
        self._restore()
        files = self._files(self._place)
        chosen, chance = dice.choice(files), dice.random()
        if chance < 0.02:
            chosen.write_bytes(hostile.poison(chosen.read_bytes(), self._canary, dice))
        elif chance < 0.05 and hostile.astray(self.path, self._outside, dice):
            pass
        elif chance < 0.45 and h5py.is_hdf5(chosen):
            alter(chosen, Path(shutil.copy(chosen, self._outside)), dice)
        elif len(files) > 1 and chance > 0.97:
            chosen.unlink()
        else:
            chosen.write_bytes(damaged(chosen.read_bytes(), dice))

    def _restore(self) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
        shutil.copytree(self._whole, self._place)

    @staticmethod
    def _files(folder: Path) -> list[Path]:
        return sorted(file for file in folder.rglob("*") if file.is_file())


def set_unread(file: Path) -> None:
    """Let the file be read last before it was written last: then the next reading is noted."""
    os.utime(file, (1, 2))


def was_read(file: Path) -> bool:
    return file.stat().st_atime != 1


def require_noted_reading(folder: Path) -> None:
    """Raise unless the file system notes that a file was read."""
    probe = folder / "probe"
    probe.write_text("probe")
    set_unread(probe)
    probe.read_text()
    if not was_read(probe):
        raise OSError(f"The file system of {str(folder)!r} does not note when files are read; set TMPDIR.")
    probe.unlink()


def run(specimen: Specimen, numbers: range, seed: int, keep: Path | None) -> Iterator[Outcome]:
    """Read changed files of one format; leave the last of them at ``keep``."""
    with tempfile.TemporaryDirectory(prefix="mutate") as folder:
        require_noted_reading(Path(folder))
        trial = Trial(specimen, Path(folder), seed)
        trial.read_whole()
        yield from outcomes(trial.change, trial.attempt, trial.read_whole, numbers, specimen.name)
        if keep is not None:
            trial.change(numbers[-1])
            (shutil.copytree if trial.path.is_dir() else shutil.copy)(trial.path, keep)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="changed files for each reader (10000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (0)")
    parser.add_argument("--only", nargs="+", choices=SPECIMENS, default=[*SPECIMENS], help="the readers; default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="leave the last changed file here")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| {'reader':14} |  files | opened | refused | forbidden | s |")
    print("|---|---|---|---|---|---|")
    harm = False
    for name in given.only:
        needs = SPECIMENS[name].needs
        if needs is not None and find_spec(needs) is None:
            print(f"| {name:14} | not read: {needs} is not installed |", flush=True)
            continue
        began, found = time.perf_counter(), Counter[str]()
        for outcome in run(SPECIMENS[name], range(given.first, given.first + given.count), given.seed, given.keep):
            found[outcome.kind] += 1
            if outcome.kind not in (OPENED, REFUSED):
                print(f"{name} {outcome.number}: {outcome.kind}: {outcome.words}", file=sys.stderr, flush=True)
                harm = True
        wrong = ", ".join(f"{kind} {count}" for kind, count in found.items() if kind not in (OPENED, REFUSED)) or "0"
        spent = time.perf_counter() - began
        print(
            f"| {name:14} | {given.count:6} | {found[OPENED]:6} | {found[REFUSED]:7} | {wrong} | {spent:.0f} |",
            flush=True,
        )
    return harm


if __name__ == "__main__":
    sys.exit(main())
