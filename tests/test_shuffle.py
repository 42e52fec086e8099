"""The order of the training: a function of seed and epoch, taken up anywhere."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch.utils.data import DataLoader

from surrogate.datasets import Grid, Signature, Windows, prepare
from surrogate.training.shuffle import EpochShuffle

BATCH = 4


def loader(windows: Windows, workers: int, epoch: int, position: int = 0) -> DataLoader[Any]:
    shuffle = EpochShuffle(len(windows), seed=3)
    shuffle.set_epoch(epoch, position)
    context = "spawn" if workers else None
    return DataLoader(
        windows,
        batch_size=BATCH,
        sampler=shuffle,
        collate_fn=dict,
        num_workers=workers,
        multiprocessing_context=context,
    )


@pytest.fixture
def windows(as_fields: Callable[..., xr.Dataset]) -> Windows:
    values = np.arange(3 * 9 * 5.0).reshape(3, 9, 5)
    fields = as_fields(Grid(shape=(5,)), {"u": ("sample time x", values)}, time=range(9))
    data = prepare(fields, inputs=["u"], outputs=["u"], split=(3, 0, 0))["train"].to_dataset()
    return Windows(data, Signature.from_data(data))


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])  # they import everything anew
@pytest.mark.parametrize("done", [0, 1, 4])
def test_a_loader_taken_up_at_a_batch_gives_the_batches_that_remain(windows: Windows, done: int, workers: int) -> None:
    whole = list(loader(windows, 0, epoch=2))
    rest = list(loader(windows, workers, epoch=2, position=done * BATCH))
    assert len(loader(windows, 0, epoch=2, position=done * BATCH)) == len(rest) == len(whole) - done
    for batch, again in zip(whole[done:], rest, strict=True):
        assert batch.keys() == again.keys()
        assert all(torch.equal(batch[key], again[key]) for key in batch)


def test_every_epoch_takes_every_window_once_in_another_order() -> None:
    orders = []
    for epoch in range(4):
        shuffle = EpochShuffle(50, seed=0)
        shuffle.set_epoch(epoch)
        orders.append(list(shuffle))
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert all(a != b for a, b in pairwise(orders))


def test_the_next_epoch_starts_at_its_first_sample() -> None:
    shuffle = EpochShuffle(10, seed=0)
    shuffle.set_epoch(0, position=7)
    assert len(shuffle) == len(list(shuffle)) == 3
    shuffle.set_epoch(1)
    assert len(shuffle) == len(list(shuffle)) == 10
