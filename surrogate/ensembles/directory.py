"""The directory of an ensemble while it grows: what is there is kept, the manifest tells what is whole."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.storage.shard_manifest import MANIFEST, Manifest, Shard, read_manifest, write_manifest
from surrogate.datasets.storage.whole_files import flush
from surrogate.ensembles.plan import Plan, refuse_other
from surrogate.ensembles.shard_task import ShardTask, file_hash, is_leftover

_SHARE = 0.05  # of the time may be spent on writing the manifest


class Directory:
    """A directory of shards, held by one writer.

    Parameters
    ----------
    path
        The directory; it is made if it does not exist.
    plan
        What is to be in it.
    overwrite
        Replace samples that were made in another way.
    extend
        Keep samples beyond those of the plan.

    Raises
    ------
    InputError
        There are other files, shards without a manifest, or samples that were made in another way.
    """

    def __init__(self, path: Path, plan: Plan, *, overwrite: bool, extend: bool) -> None:
        self.path = path
        path.mkdir(exist_ok=True)
        manifest = self._begin(plan, overwrite=overwrite)
        self.plan = plan.continued(manifest, extend=extend)
        self._manifest = replace(manifest, samples=self.plan.samples)
        self._shards = {shard.name: shard for shard in self._kept()}
        self._due = 0.0

    @property
    def manifest(self) -> Manifest:
        """What is complete."""
        shards = sorted(self._shards.values(), key=lambda shard: shard.first)
        return replace(self._manifest, shards=tuple(shards), convergence=self.plan.convergence)

    def missing(self) -> Iterator[ShardTask]:
        """Return the work that is left."""
        for name, samples in self.plan.shards():
            if name not in self._shards:
                yield ShardTask(self.plan, str(self.path.resolve()), name, samples)

    def note(self, convergence: Mapping[str, Any]) -> None:
        """Set what is known of the error of the samples, before the first of them is written."""
        self.plan = replace(self.plan, convergence=convergence)
        self.save()

    def add(self, shard: Shard) -> None:
        """Enter a shard that is complete; the manifest is written unless that was done a moment ago."""
        self._shards[shard.name] = shard
        if time.monotonic() >= self._due:
            self.save()

    def save(self) -> None:
        """Write the manifest."""
        began = time.monotonic()
        write_manifest(self.path, self.manifest)
        now = time.monotonic()
        self._due = now + (now - began) / _SHARE

    def _begin(self, plan: Plan, *, overwrite: bool) -> Manifest:
        """Return the manifest that is there, or an empty one; remove what a stopped writer has left."""
        names = {entry.name for entry in os.scandir(self.path)}
        for name in {name for name in names if is_leftover(name)}:
            (self.path / name).unlink()
            names.remove(name)
        if MANIFEST not in names:
            shards = {name for name in names if name.startswith("shard-")}
            foreign = names - shards
            if foreign or (shards and not overwrite):
                do = "Choose another path." if foreign else "Choose another path, or pass overwrite=True."
                raise expected(
                    f"an empty directory, or one with a manifest, at {str(self.path)!r}", repr(min(names)), do
                )
            return self._afresh(plan, shards)
        manifest = read_manifest(self.path)
        try:
            refuse_other(str(self.path), manifest, plan.settings)
        except InputError:
            if not overwrite:
                raise
            return self._afresh(plan, {name for name in names if name.startswith("shard-")})
        return manifest

    def _afresh(self, plan: Plan, names: set[str]) -> Manifest:
        """Remove shards, those of the manifest too, and then the manifest."""
        for name in names:
            (self.path / name).unlink()
        flush(self.path)
        (self.path / MANIFEST).unlink(missing_ok=True)
        return plan.manifest

    def _kept(self) -> Iterator[Shard]:
        """Return the shards that are whole and have the samples they should have."""
        planned = dict(self.plan.shards())
        for shard in self._manifest.shards:
            path = self.path / shard.name
            samples = planned.get(shard.name)
            same = samples is not None and (samples.start, len(samples)) == (shard.first, shard.samples)
            if same and is_whole(path, shard):
                yield shard


def is_whole(path: Path, shard: Shard) -> bool:
    """Return whether the file of a shard is there, with the bytes that were written."""
    if not shard.bytes:
        return True
    return path.is_file() and path.stat().st_size == shard.bytes and file_hash(path) == shard.sha256
