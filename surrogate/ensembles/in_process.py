"""Shard after shard in this process: one is written while the next is solved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from surrogate.datasets.storage.shard_manifest import Shard
from surrogate.ensembles.blocks import Advance
from surrogate.ensembles.executor import Executor, Result
from surrogate.ensembles.shard_task import ShardTask


class InProcess(Executor):
    """Solves in the thread that calls, and writes in another one.

    At most two shards are in memory: one that is being solved, and one that is being written.
    """

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Call the function."""
        return function(*arguments)

    def run(self, tasks: Iterable[ShardTask], collect: Callable[[Shard], object], advance: Advance) -> list[str]:
        """Run the tasks one after the other; none is given up."""
        writing: Future[Shard] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="writer") as writer:
            try:
                for task in tasks:
                    solved, seconds = task.solve(advance)
                    if writing is not None:
                        before, writing = writing, None
                        collect(before.result())
                    writing = writer.submit(task.write, solved, seconds)
            finally:
                if writing is not None:
                    collect(writing.result())
        return []
