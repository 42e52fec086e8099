"""The order of the samples in each epoch, a function of seed and epoch alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


class EpochShuffle(Sampler[int]):
    """A random order that depends only on ``seed`` and the epoch: a resumed training draws the same batches.

    The trainer calls `set_epoch` before each epoch. Epoch and position are all of its state. Where several processes
    train, each takes every ``processes``-th sample of the order; those too few for all at its end are left out.
    """

    def __init__(self, length: int, seed: int, processes: int = 1) -> None:
        self.length = length
        self.seed = seed
        self.processes = processes
        self.epoch = 0
        self.position = 0

    def set_epoch(self, epoch: int, position: int = 0) -> None:
        """Choose the epoch whose order comes next, and how many of its samples this process drew before."""
        self.epoch = epoch
        self.position = position

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(derived_seed(self.seed, self.epoch))
        order = torch.randperm(self.length, generator=generator)
        shared = order[: self.length - self.length % self.processes]
        yield from shared[process_rank(self.processes) :: self.processes][self.position :].tolist()

    def __len__(self) -> int:
        return self.length // self.processes - self.position


def process_rank(processes: int) -> int:
    """Return the number of this process among those that train."""
    return torch.distributed.get_rank() if processes > 1 else 0


def derived_seed(seed: int, number: int) -> int:
    """Return a seed for one epoch, or one step, of a training."""
    return (seed * 1_000_003 + number) % 2**63
