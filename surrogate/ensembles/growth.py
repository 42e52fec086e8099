"""From a plan to the files."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from surrogate.datasets.errors import NumericalFailure
from surrogate.datasets.storage.locks import hidden, only_writer
from surrogate.datasets.storage.shard_manifest import Manifest
from surrogate.datasets.storage.shards import read_shards
from surrogate.datasets.storage.store import read_store, write_store
from surrogate.datasets.storage.whole_files import named_errors, refuse_existing, require_room
from surrogate.ensembles.blocks import FailedSamples, one_warning_of_each_kind
from surrogate.ensembles.convergence import estimate_convergence
from surrogate.ensembles.directory import Directory
from surrogate.ensembles.executor import Executor
from surrogate.ensembles.in_process import InProcess
from surrogate.ensembles.plan import Plan
from surrogate.progress import progress_bar

KEPT = "The shards made so far are kept: the same call goes on from there."
_SHOWN = 3  # failed samples in a warning


@dataclass(frozen=True)
class Growth:
    """An ensemble on its way to the disk.

    Attributes
    ----------
    plan
        What is asked for.
    sample_bytes
        How much room a sample takes.
    workers, scheduler
        Who solves: so many processes of this machine, or those of a Dask scheduler; neither: this process.
    convergence
        Whether to estimate the error of the samples.
    overwrite
        Replace what is at the path.
    progress
        Show a progress bar.
    """

    plan: Plan
    sample_bytes: int
    workers: int | None
    scheduler: str | None
    convergence: bool
    overwrite: bool
    progress: bool

    def into_directory(self, path: Path) -> xr.Dataset:
        """Make the samples that a directory of shards lacks, and open it."""
        with only_writer(path):
            manifest = self._complete(path, extend=True)
        report_failed(manifest.failed, manifest.samples)
        return read_shards(path)

    def into_file(self, path: Path) -> xr.Dataset:
        """Make the samples in a hidden directory beside a file, then join them in that file, and open it."""
        folder = hidden(path, "shards")
        with only_writer(folder):
            refuse_existing(path, self.overwrite)
            with named_errors(path, KEPT):
                require_room(path.parent, self.plan.samples * self.sample_bytes)
            manifest = self._complete(folder, extend=False)
            report_failed(manifest.failed, manifest.samples)
            write_store(read_shards(folder), path, overwrite=self.overwrite)
            shutil.rmtree(folder)
        return read_store(path)

    def _complete(self, path: Path, *, extend: bool) -> Manifest:
        """Make the shards that are missing; whatever stops that, those that are complete are kept."""
        directory = Directory(path, self.plan, overwrite=self.overwrite, extend=extend)
        missing = sum(len(task.samples) for task in directory.missing())
        with named_errors(path, KEPT):
            require_room(path, missing * self.sample_bytes)
        directory.save()
        try:
            if missing:
                self._run(directory, missing)
        except KeyboardInterrupt as stop:
            shards = len(list(directory.plan.shards()))
            done = f"{len(directory.manifest.shards)} of {shards} shards are complete in {str(path)!r}"
            raise KeyboardInterrupt(f"{done}; the same call goes on from there") from stop
        finally:
            directory.save()
        return directory.manifest

    def _run(self, directory: Directory, missing: int) -> None:
        """Solve what is missing."""
        samples = directory.plan.samples
        with (
            self._executor() as executor,
            progress_bar("generating", samples, done=samples - missing, show=self.progress, unit="samples") as advance,
        ):
            if self.convergence and directory.plan.convergence is None:
                directory.note(executor.call(estimate_convergence, directory.plan.solver))
            with named_errors(directory.path, KEPT), one_warning_of_each_kind():
                lost = executor.run(directory.missing(), directory.add, advance)
        if lost:
            do = "Give them more memory, or take a smaller shard_size or fewer of them; then call again to go on."
            raise ChildProcessError(f"Workers died again and again over {', '.join(sorted(lost))}. {do}")

    def _executor(self) -> AbstractContextManager[Executor]:
        if self.workers is None and self.scheduler is None:
            return nullcontext(InProcess())
        from surrogate.ensembles.on_dask import OnDask  # takes a second to import

        if self.scheduler is not None:
            return OnDask.at(self.scheduler)
        on_gpu = self.plan.settings["device"] != "cpu"
        return OnDask.local(self.workers or 1, threads=2 if on_gpu else 1)  # one computes while the other one writes


def report_failed(failed: Mapping[int, str], samples: int) -> None:
    """Warn of samples that failed; raise `NumericalFailure` if none is left."""
    if not failed:
        return
    shown = "; ".join(f"{number}: {reason}" for number, reason in list(failed.items())[:_SHOWN])
    text = f"{len(failed)} of {samples} samples failed ({shown}{'; ...' if len(failed) > _SHOWN else ''})"
    if len(failed) == samples:
        raise NumericalFailure(f"{text}.")
    warnings.warn(f"{text}: they are left out.", FailedSamples, stacklevel=4)
