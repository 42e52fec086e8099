"""The piece of work that makes one shard."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from surrogate.datasets.errors import expected
from surrogate.datasets.samples.ragged import counts
from surrogate.datasets.storage.shard_manifest import MANIFEST, Shard
from surrogate.datasets.storage.store import file_bytes
from surrogate.datasets.storage.whole_files import publish
from surrogate.ensembles.blocks import Advance, Solved
from surrogate.ensembles.plan import Plan

_DEVICE = threading.Lock()  # of a GPU: one thread computes while the other one writes


@dataclass(frozen=True)
class ShardTask:
    """One shard: which samples, and the file that they go to."""

    plan: Plan
    folder: str
    name: str
    samples: range

    def run(self) -> Shard:
        """Solve the samples and write them; where they are solved on a GPU, one task after the other."""
        with _DEVICE if self.plan.settings["device"] != "cpu" else nullcontext():
            solved = self.solve()
        return self.write(*solved)

    def solve(self, advance: Advance = lambda pieces: None) -> tuple[Solved, float]:
        """Return the samples, and the seconds that it took to solve them."""
        began = time.perf_counter()
        return self.plan.solver.solve(self.samples, advance), time.perf_counter() - began

    def write(self, solved: Solved, seconds: float) -> Shard:
        """Write the file, whole or not at all, and return its entry in the manifest.

        Two processes may do so at the same time, if a scheduler has taken the first for dead: both write the same
        bytes, under names of their own that are given up at the end.
        """
        folder = Path(self.folder)
        if not (folder / MANIFEST).is_file():
            do = "Give a path that all workers see."
            raise expected(f"the directory {self.folder!r} on the machine of the worker", "none", do)
        size, sizes, digest = 0, {"sample": 0}, hashlib.sha256().hexdigest()
        if solved.fields is not None:
            contents = file_bytes(self.plan.described(solved.fields))
            size, digest = len(contents), hashlib.sha256(contents).hexdigest()
            part = folder / f".{uuid.uuid4().hex}.{self.name}"
            try:
                part.write_bytes(contents)
                publish(part, folder / self.name)
            finally:
                part.unlink(missing_ok=True)
            joined = {dim: int(count.sum()) for dim, count in counts(solved.fields).items()}
            sizes = {"sample": solved.fields.sizes["sample"], **joined}
        first, samples = self.samples.start, len(self.samples)
        return Shard(self.name, first, samples, sizes, size, digest, round(seconds, 3), solved.failed)


def file_hash(path: Path) -> str:
    """Return the SHA-256 hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_leftover(name: str) -> bool:
    """Return whether a file of this name was being written when its writer was stopped."""
    return name.startswith(".") and os.path.splitext(name)[1] in (".h5", ".part", ".lock")
