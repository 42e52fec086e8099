"""Who makes the shards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TypeVar

from surrogate.datasets.storage.shard_manifest import Shard
from surrogate.ensembles.blocks import Advance
from surrogate.ensembles.shard_task import ShardTask

Result = TypeVar("Result")


class Executor(ABC):
    """Does the work of an ensemble: in this process, or elsewhere."""

    @abstractmethod
    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return ``function(*arguments)``, computed where the shards are."""

    @abstractmethod
    def run(self, tasks: Iterable[ShardTask], collect: Callable[[Shard], object], advance: Advance) -> list[str]:
        """Run the tasks; ``collect`` takes the entry of each shard that is written, also where another one fails.

        ``advance`` is called with how many more samples are done. Returns the names of shards that are given up.
        """
