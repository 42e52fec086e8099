"""Batches of the training and the validation part, of each process its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from surrogate.datasets.errors import expected
from surrogate.datasets.samples.point_samples import PointSamples
from surrogate.datasets.samples.windows import Windows
from surrogate.training.shuffle import EpochShuffle, process_rank

Samples = Windows | PointSamples
Loaders = tuple[DataLoader[Any], DataLoader[Any]]


class InOrder(Sampler[list[int]]):
    """Batches of about ``batch_size`` samples in their order, of each process every ``processes``-th sample.

    All processes have the same number of batches, none of them empty: sharded weights are gathered together.
    """

    def __init__(self, length: int, batch_size: int, processes: int) -> None:
        self.length, self.processes = length, processes
        self.batches = min(-(-length // batch_size), length // processes)

    def __iter__(self) -> Iterator[list[int]]:
        own = torch.arange(process_rank(self.processes), self.length, self.processes)
        yield from (part.tolist() for part in own.tensor_split(self.batches))

    def __len__(self) -> int:
        return self.batches


def make_loaders(first: Samples, second: Samples, *, batch_size: int, seed: int, processes: int) -> Loaders:
    """Return batches to train and to validate on; ``batch_size`` counts the samples of all processes together.

    Raises
    ------
    InputError
        More processes than samples, or a batch that cannot be shared equally.
    """
    if batch_size % processes:
        raise expected(f"a batch_size that {processes} processes share equally", batch_size, "Correct `batch_size`.")
    if processes > min(len(first), len(second)):
        got = f"{len(first)} to train and {len(second)} to validate on"
        raise expected(f"a sample for each of {processes} processes", got, "Use fewer devices.")
    shuffle = EpochShuffle(len(first), seed, processes)
    in_order = InOrder(len(second), batch_size, processes)
    own = batch_size // processes
    return (
        DataLoader(first, batch_size=own, sampler=shuffle, collate_fn=_as_is),
        DataLoader(second, batch_sampler=in_order, collate_fn=_as_is),
    )


def _as_is(batch: Any) -> Any:
    """Return it: the samples already come as whole batches."""
    return batch
