"""Shards by the workers of a Dask scheduler: processes of this machine, or of many."""

from __future__ import annotations

import itertools
import logging
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import dask
from dask.distributed import Client, Future, KilledWorker, LocalCluster, as_completed

from surrogate.datasets.errors import expected
from surrogate.datasets.storage.shard_manifest import Shard
from surrogate.ensembles.blocks import Advance
from surrogate.ensembles.executor import Executor, Result
from surrogate.ensembles.shard_task import ShardTask

_DEATHS = 3  # of workers on one shard that are forgiven: with the next one it is given up
_AHEAD = 4  # tasks that wait for each thread of a worker
_SECONDS = 30  # to reach a scheduler
_DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"  # Ctrl-C stops the master, which stops them


class OnDask(Executor):
    """Lets the workers of a scheduler work; one that dies is replaced, and its shard begun again elsewhere."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    @contextmanager
    def at(cls, scheduler: str) -> Iterator[OnDask]:
        """Connect to the scheduler at this address; raise `InputError` if there is none."""
        try:
            client = Client(scheduler, timeout=_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            do = "Start one (`dask scheduler`), or use `workers` for processes of this machine."
            raise expected(f"a Dask scheduler at {scheduler!r}", error, do) from error
        with client:
            yield cls(client)

    @classmethod
    @contextmanager
    def local(cls, workers: int, *, threads: int) -> Iterator[OnDask]:
        """Start so many processes on this machine; raise `InputError` if they cannot start."""
        forgiving = dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS})
        with forgiving, _processes(workers, threads) as cluster, Client(cluster, set_as_default=False) as client:
            yield cls(client)

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return what the function gives on a worker."""
        result: Result = self._client.submit(function, *arguments, pure=False).result()
        return result

    def run(self, tasks: Iterable[ShardTask], collect: Callable[[Shard], object], advance: Advance) -> list[str]:
        """Run the tasks; those on which worker after worker died are given up."""
        waiting, names, lost = iter(tasks), dict[str, str](), list[str]()

        def submit(count: int) -> list[Future]:
            futures = {self._client.submit(_run, task, pure=False): task for task in itertools.islice(waiting, count)}
            names.update({future.key: task.name for future, task in futures.items()})
            return list(futures)

        ahead = _AHEAD * max(1, sum(self._client.nthreads().values()))
        running = as_completed(submit(ahead), loop=self._client.loop)
        try:
            for future in running:
                name = names.pop(future.key)
                try:
                    shard = future.result()
                except KilledWorker:
                    lost.append(name)
                else:
                    collect(shard)
                    advance(shard.samples)
                running.update(submit(1))
        finally:
            self._client.cancel(list(names), force=True)
        return lost


def _run(task: ShardTask) -> Shard:
    with dask.config.set(scheduler="synchronous"):  # or xarray writes with a client and locks of the cluster
        return task.run()


@contextmanager
def _processes(workers: int, threads: int) -> Iterator[LocalCluster]:
    """Start worker processes, without log messages; the server for dashboards takes any free port of this machine."""
    quiet = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL, "preload": [_DEAF]}
    try:
        with _unreached_by_interrupts():
            cluster = LocalCluster(n_workers=workers, threads_per_worker=threads, processes=True, **quiet)
    except RuntimeError as error:
        do = "In a script put the call under `if __name__ == '__main__':`."
        raise expected("worker processes that start", " ".join(str(error).split()), do) from error
    with cluster:
        yield cluster


@contextmanager
def _unreached_by_interrupts() -> Iterator[None]:
    """Start threads and processes that Ctrl-C does not reach even while they start, where the system knows masks.

    One that is pressed meanwhile comes at the end.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
